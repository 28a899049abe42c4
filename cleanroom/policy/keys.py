"""Every key of a policy: what it holds, what it means, and what its absence means.

Must not know how a file is read. A key added here must be read in `parse*.py`, kept in
`document.py`, ordered in `compare`, told in `explain`, and used by an example; tests hold it.
After a change, `make policy-files` writes the schema and the tables of policies/README.md.
"""

from __future__ import annotations

from cleanroom.model.dataset import KeyType
from cleanroom.model.question import Family
from cleanroom.policy.document import NORMALISATIONS, VERSION, WITHDRAWN_DAYS, Role, Scheme
from cleanroom.policy.grammar import (
    Block,
    Day,
    Flag,
    Key,
    Label,
    Named,
    Region,
    Whole,
    Word,
    Words,
)
from cleanroom.policy.keys_dataset import DATASET
from cleanroom.policy.keys_rules import CONSENT_TERMS

MAX_RETENTION_DAYS = 36_500
_RETENTION = Whole(least=1, most=MAX_RETENTION_DAYS)

VALID = Block(
    keys=(
        Key(
            name="from",
            spec=Day(),
            says="first day (UTC) on which questions are answered",
            example="2026-03-01",
        ),
        Key(
            name="until",
            spec=Day(),
            says="last day (UTC) on which questions are answered; it still counts",
            example="2026-09-30",
        ),
    )
)

PARTY = Block(
    keys=(
        Key(
            name="role",
            spec=Word(words=tuple(Role)),
            says="`advertiser`, `retailer` or `data_provider`; it describes the party and grants "
            "nothing",
            example="retailer",
        ),
        Key(
            name="may_ask",
            spec=Words(what="families", words=tuple(Family)),
            says="question families granted: `match_rate`, `segment_size` (overlaps too), "
            "`sales_lift` (contribution bounds and purchases after contacts too); `[]` grants "
            "nothing. `sales_lift` can be granted only where one dataset has an `arm` or a count "
            "and another a measure, or both have a `time`",
            example="[match_rate, sales_lift]",
        ),
    )
)

MATCHING = Block(
    keys=(
        Key(
            name="scheme",
            spec=Word(words=tuple(Scheme)),
            says="`psi` (blinded by every party that owns data), `hmac` (a key shared by the "
            "parties) or `sha256` (unsalted)",
            example="psi",
        ),
        Key(
            name="normalisation",
            spec=Word(words=NORMALISATIONS),
            says="the named rules by which identifiers are normalised",
            example="uid2-2026",
        ),
        Key(
            name="keys",
            spec=Words(
                what="key types",
                words=tuple(KeyType),
                wanted=f"one or more of {', '.join(KeyType)}",
            ),
            says="key types in order of priority: `email`, `phone`, `loyalty_id`, `device_id`, "
            "`cookie`, `external_id`. Rows may bring `email_sha256` and `phone_sha256` as "
            "pre-hashed forms of `email` and `phone`",
            example="[email, phone]",
        ),
        Key(
            name="allow_unsalted",
            spec=Flag(),
            says="`true` accepts that anybody with a dictionary can invert the tokens; required "
            "by `sha256`, refused with other schemes",
            example="true",
            absent="`false`",
        ),
        Key(
            name="default_region",
            spec=Region(),
            says="country (ISO 3166-1 alpha-2) of phone numbers written without `+`",
            example="RU",
            absent="phone numbers without `+` cannot be read",
        ),
    )
)

RETENTION = Block(
    keys=(
        Key(
            name="datasets_days",
            spec=_RETENTION,
            says="days after which a sealed version is erased",
            example="90",
        ),
        Key(
            name="measurements_days",
            spec=_RETENTION,
            says="days after which a released measurement is erased",
            example="730",
        ),
        Key(
            name="withdrawn_days",
            spec=Whole(least=2, most=MAX_RETENTION_DAYS),
            says="days after a withdrawal within which the person's rows are removed from sealed "
            "versions",
            example="14",
            absent=f"{WITHDRAWN_DAYS} days",
        ),
    )
)

POLICY = Block(
    keys=(
        Key(
            name="version",
            spec=Word(words=(VERSION,)),
            says="the grammar that the file is written in",
            example=VERSION,
        ),
        Key(
            name="collaboration",
            spec=Label(what="collaboration"),
            says="the name of the boundary in which the parties may ask, a label",
            example="spring-campaign",
        ),
        Key(
            name="valid",
            spec=VALID,
            says="the days on which questions are answered",
            example="{from: 2026-03-01, until: 2026-09-30}",
        ),
        Key(
            name="parties",
            spec=Named(what="party", each=PARTY, least=1),
            says="the members by name, at least one; the names are labels",
            example="{megamart: {role: retailer, may_ask: [match_rate]}}",
        ),
        Key(
            name="matching",
            spec=MATCHING,
            says="how people are recognised across datasets",
            example="{scheme: psi, normalisation: uid2-2026, keys: [email]}",
        ),
        Key(
            name="datasets",
            spec=Named(what="dataset", each=DATASET, least=1),
            says="what parties bring by name, at least one with `privacy` and one with "
            "`minimum_aggregation`; the names are labels",
            example="{sales: {owner: megamart}}",
        ),
        Key(
            name="consent",
            spec=CONSENT_TERMS,
            says="what holds of consent for everybody's people; what each family of questions "
            "needs is under `datasets`",
            example="{base: measurement, bases: [consent], epoch_days: 1, max_age_days: 395}",
            absent="the defaults of its keys",
        ),
        Key(
            name="retention",
            spec=RETENTION,
            says="when data is erased",
            example="{datasets_days: 90, measurements_days: 730}",
        ),
    )
)
