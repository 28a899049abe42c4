"""Every key of one dataset in a policy; must not know how a file is read, or other datasets."""

from __future__ import annotations

from cleanroom.model.dataset import MAX_BOUND, Unit
from cleanroom.policy.grammar import (
    Block,
    Column,
    Key,
    Label,
    Named,
    Value,
    Values,
    Whole,
    Word,
)
from cleanroom.policy.keys_rules import BREAKDOWNS, CONSENT, LIMITS, MINIMUM, PRIVACY

_MAX_PER_PERSON = Whole(least=1, most=MAX_BOUND)
_DOMAIN = Values(most=1_000)

ARM = Block(
    keys=(
        Key(
            name="column",
            spec=Column(what="column"),
            says="the column that says in which arm of the experiment a person is",
            example="arm",
        ),
        Key(name="test", spec=Value(), says="its value for the test arm", example="test"),
        Key(
            name="control",
            spec=Value(),
            says="its value for the control arm, another one",
            example="control",
        ),
    )
)

COUNT = Block(
    keys=(
        Key(
            name="max_per_person",
            spec=_MAX_PER_PERSON,
            says="the most one person adds; more is clipped",
            example="50",
        ),
        Key(
            name="unit",
            spec=Word(words=(Unit.COUNT,)),
            says="what is counted: `count`",
            example="count",
            absent="`count`",
        ),
    )
)

MEASURE = Block(
    keys=(
        Key(
            name="max_per_person",
            spec=_MAX_PER_PERSON,
            says="the most one person adds, in the unit; more is clipped. A lift may ask for "
            "less (`bound`), buckets and grids go up to it",
            example="1500000",
        ),
        Key(
            name="unit",
            spec=Word(words=tuple(Unit)),
            says="`minor` (money in minor units), `count`, or `rows` (no column: each row counts "
            "one)",
            example="minor",
            absent="`count`",
        ),
        Key(
            name="min_per_person",
            spec=Whole(least=-MAX_BOUND, most=0),
            says="the least one person adds, not for `rows`: below zero where refunds count. The "
            "wider the range, the more noise",
            example="-200000",
            absent="0: a sum below zero counts as zero",
        ),
    )
)

DATASET = Block(
    keys=(
        Key(
            name="owner",
            spec=Label(what="owner"),
            says="the party that uploads it and whose ledger pays",
            example="megamart",
        ),
        Key(
            name="dimensions",
            spec=Named(what="dimension", each=_DOMAIN, columns=True),
            says="closed lists of a person's values to break answers down by, at most 1,000 each. "
            "An undeclared value counts as `other` where that is listed, and is an error of the "
            "upload where it is not",
            example="{city: [ufa, kazan, other]}",
            absent="no breakdown by values",
        ),
        Key(
            name="arm",
            spec=ARM,
            says="in which arm of the experiment each person is",
            example="{column: arm, test: test, control: control}",
            absent="only the exposures of an observational lift",
        ),
        Key(
            name="counts",
            spec=Named(what="count", each=COUNT, columns=True),
            says="integers of a person such as impressions, by which answers may be broken down "
            "in buckets",
            example="{impressions: {max_per_person: 50}}",
            absent="none",
        ),
        Key(
            name="time",
            spec=Block(
                keys=(
                    Key(
                        name="column",
                        spec=Column(what="column"),
                        says="the column with an event's time",
                        example="occurred_at",
                    ),
                )
            ),
            says="when each event happened",
            example="{column: occurred_at}",
            absent="no question with a window",
        ),
        Key(
            name="measures",
            spec=Named(what="measure", each=MEASURE, columns=True),
            says="outcomes of a lift, summed per person; people may be counted by them in "
            "buckets. `buyers` comes with any measure: people with at least one counted event "
            "whose first `minor` measure (else the first measure) is positive; so do "
            "`new_buyers` and `repeat_buyers` where there are times, and `average_order` with a "
            "measure in `minor` and one in `rows` (docs/lift.md)",
            example="{amount: {unit: minor, max_per_person: 1500000}}",
            absent="not the sales of a lift",
        ),
        Key(
            name="event_filters",
            spec=Named(what="filter", each=_DOMAIN, columns=True),
            says="closed lists of an event's values by which a question may keep events",
            example="{category: [hair-care, other]}",
            absent="no filter",
        ),
        Key(
            name="minimum_aggregation",
            spec=MINIMUM,
            says="how many people a cell must hold",
            example="{people: 50, miss_probability: 1e-6}",
            absent="the strictest of the policy",
        ),
        Key(
            name="privacy",
            spec=PRIVACY,
            says="the budget that protects the people of the dataset",
            example="{pool: loyalty, definition: zcdp, epsilon: 4, delta: 1e-7, per_question: 0.5}",
            absent="a pool named as the collaboration, with the smallest `epsilon`, `delta` and "
            "`per_question` of the policy",
        ),
        Key(
            name="consent",
            spec=CONSENT,
            says="what people must have agreed to, by family of questions",
            example="{match_rate: [measurement]}",
            absent="this dataset asks for nothing more",
        ),
        Key(
            name="breakdowns",
            spec=BREAKDOWNS,
            says="which columns may break answers down, by family of questions",
            example="{sales_lift: [city]}",
            absent="every column that the dataset declares may, in every family",
        ),
        Key(
            name="limits",
            spec=LIMITS,
            says="how much one question may hold, and how often each asker may ask",
            example="{filters_per_question: 2, questions: {most: 20, days: 7}}",
            absent="no limit but those of the questions and the budgets",
        ),
    )
)
