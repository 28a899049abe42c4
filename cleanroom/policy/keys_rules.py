"""Every key of the rules that an owner sets for one dataset; must not know how a file is read."""

from __future__ import annotations

from fractions import Fraction

from cleanroom.model.consent import PURPOSES, Basis
from cleanroom.policy.grammar import (
    Block,
    Columns,
    Decimal,
    Key,
    Label,
    Whole,
    Word,
    Words,
    by_family,
)
from cleanroom.policy.rules import MIN_PEOPLE, NEVER

MAX_EPSILON = Fraction(1_000)
MAX_PEOPLE = 2**30
MAX_LIMIT = 100
MAX_QUESTIONS = 10_000
MAX_DAYS = 3_650
MAX_EPOCH_DAYS = 31
_EPSILON = Decimal(most=MAX_EPSILON, example="0.5")
_LIMIT = Whole(least=0, most=MAX_LIMIT)


MINIMUM = Block(
    keys=(
        Key(
            name="people",
            spec=Whole(least=MIN_PEOPLE, most=MAX_PEOPLE),
            says="a cell of fewer people is to be suppressed",
            example="50",
        ),
        Key(
            name="miss_probability",
            # Above one half the suppression line would lie below the minimum itself.
            spec=Decimal(most=Fraction(1, 2), example="1e-6"),
            says="the most likely such a cell passes all the same",
            example="1e-6",
        ),
        Key(
            name="families",
            spec=by_family(
                Key(
                    name="sales_lift",
                    spec=Whole(least=MIN_PEOPLE, most=MAX_PEOPLE),
                    says="more people for that family, at least `people`",
                    example="100",
                    absent="`people` holds",
                )
            ),
            says="more people for single families of questions",
            example="{sales_lift: 100}",
            absent="`people` holds for every family",
        ),
    )
)

PRIVACY = Block(
    keys=(
        Key(
            name="pool",
            spec=Label(what="pool"),
            says="whose budget pays: the ledger is (owner, pool), shared by all datasets and "
            "collaborations that name it",
            example="megamart-loyalty-2026",
        ),
        Key(
            name="definition",
            spec=Word(words=("zcdp",)),
            says="how losses are defined and added up",
            example="zcdp",
        ),
        Key(
            name="epsilon",
            spec=_EPSILON,
            says="the whole budget, with `delta`. One pool of one owner has one budget",
            example="4",
        ),
        Key(
            name="delta",
            spec=Decimal(most=Fraction(1), example="1e-6", below=True),
            says="how likely the promise of `epsilon` may fail for somebody",
            example="1e-7",
        ),
        Key(
            name="per_question",
            spec=_EPSILON,
            says="the most one question may take, as an epsilon at the same delta; at most "
            "`epsilon`",
            example="0.5",
        ),
        Key(
            name="renew",
            spec=Word(
                words=(NEVER,),
                because=", as renewal would multiply the guarantee and is not offered",
            ),
            says="`never`; a budget that renewed would multiply the guarantee",
            example=NEVER,
            absent="`never`",
        ),
    )
)

CONSENT = by_family(
    Key(
        name="match_rate",
        spec=Words(
            what="purposes",
            words=tuple(PURPOSES),
            wanted="at least one purpose, as in [measurement], or leave the family out",
        ),
        says="purposes a person must have agreed to before that family may use them: "
        f"{', '.join(f'`{p}`' for p in PURPOSES)}. All datasets' lists of a family count "
        "together, for everybody's people",
        example="[measurement]",
        absent="this dataset asks for nothing more; a family without purposes in any dataset "
        "cannot be granted",
    )
)

CONSENT_TERMS = Block(
    keys=(
        Key(
            name="base",
            spec=Word(words=tuple(PURPOSES)),
            says="a purpose without which a row never enters a sealed version, and without which no "
            "question uses a person; what it means is in purposes.yaml",
            example="measurement",
            absent="a row needs all purposes of at least one family that somebody may ask",
        ),
        Key(
            name="bases",
            spec=Words(
                what="bases",
                words=tuple(Basis),
                wanted=f"one or more of {', '.join(Basis)}",
            ),
            says="on what the use of a row may rest: `consent`, `contract`, `legitimate_interest` "
            "(GDPR, article 6(1)(a), (b), (f)); rows that rest on another are not sealed",
            example="[consent]",
            absent="`[consent]`",
        ),
        Key(
            name="epoch_days",
            spec=Whole(least=1, most=MAX_EPOCH_DAYS),
            says="days for which it is judged once whose consent counts, so that questions around "
            "a withdrawal do not differ; a withdrawal takes effect when the next epoch begins",
            example="1",
            absent="1",
        ),
        Key(
            name="max_age_days",
            spec=Whole(least=1, most=MAX_DAYS),
            says="the most days for which consent counts after it was given, whatever its own end",
            example="395",
            absent="consent counts until its own end",
        ),
    )
)

BREAKDOWNS = by_family(
    Key(
        name="sales_lift",
        spec=Columns(what="columns"),
        says="dimensions, counts and measures of this dataset that may stand in `by` or `strata` "
        "of that family; `[]` for none",
        example="[city]",
        absent="every column that the dataset declares may",
    )
)

LIMITS = Block(
    keys=(
        Key(
            name="filters_per_question",
            spec=_LIMIT,
            says="the most columns that one question may filter events by, those of buckets "
            "included; windows do not count",
            example="2",
            absent="as many as are declared",
        ),
        Key(
            name="breakdowns_per_question",
            spec=_LIMIT,
            says="the most columns in `by` and `strata` of one question",
            example="2",
            absent="as many as the question takes",
        ),
        Key(
            name="questions",
            spec=Block(
                keys=(
                    Key(
                        name="most",
                        spec=Whole(least=1, most=MAX_QUESTIONS),
                        says="each asker may ask this dataset at most so many new questions in "
                        "the days. An identical question on identical data is answered from "
                        "store and does not count",
                        example="20",
                    ),
                    Key(
                        name="days",
                        spec=Whole(least=1, most=MAX_DAYS),
                        says="any so many times 24 hours",
                        example="7",
                    ),
                )
            ),
            says="how often each asker may ask",
            example="{most: 20, days: 7}",
            absent="only budgets limit how often",
        ),
    )
)
