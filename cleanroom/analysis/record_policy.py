"""What a policy says for a record of processing: GDPR, article 30(1), points a to g.

Must not know the log. Does not say who the parties are in law, nor where the service runs: a
policy knows neither, so the record leaves room for both.
"""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.analysis.record_document import Cell, Chapter, Part, grid
from cleanroom.model.consent import PURPOSES
from cleanroom.model.question import Family
from cleanroom.model.vocabulary import BASIS_TERMS, PURPOSE_TERMS, Match, Term
from cleanroom.policy.changes import decimal_text
from cleanroom.policy.document import DatasetRules, Policy, Role, Scheme
from cleanroom.policy.explain_datasets import FAMILY_NAMES
from cleanroom.policy.explain_parties import ROLES
from cleanroom.policy.prose import counted, listed

BLANK = "(to be entered)"
_SUBJECTS = {
    Role.ADVERTISER: "people whom advertising reached, or who are known to the advertiser",
    Role.RETAILER: "customers",
    Role.DATA_PROVIDER: "people known to the data provider",
}
_SCHEMES = {
    Scheme.PSI: "blinded by every owner in turn, so that neither the operator nor another party "
    "can try identifiers out",
    Scheme.HMAC: "keyed hashes; one owner together with the operator could try identifiers out",
    Scheme.SHA256: "plain hashes, which anybody with a list of identifiers can try out",
}
_MATCHES = {Match.EXACT: "the same", Match.BROADER: "broader", Match.RELATED: "related"}


def policy_chapters(policy: Policy) -> tuple[Chapter, ...]:
    """Return the chapters of article 30(1) in its order."""
    parts = {
        ("controllers", "Controllers and processor", "30(1)(a)"): _controllers(policy),
        ("purposes", "Purposes and legal bases", "30(1)(b) and 6(1)"): _purposes(policy),
        ("categories", "People and data", "30(1)(c)"): _categories(policy),
        ("recipients", "Recipients", "30(1)(d)"): _recipients(policy),
        ("transfers", "Transfers to third countries", "30(1)(e)"): _transfers(),
        ("erasure", "Time limits for erasure", "30(1)(f)"): _erasure(policy),
        ("measures", "Security measures", "30(1)(g) and 32(1)"): _measures(policy),
    }
    return tuple(
        Chapter(id=name, title=title, article=article, parts=tuple(made))
        for (name, title, article), made in parts.items()
    )


def _controllers(policy: Policy) -> Iterator[Part]:
    yield (
        "Each party decides for itself what it brings and accepts the policy by its digest. The "
        "operator of the service processes on their behalf and is granted nothing by that."
    )
    rows: list[tuple[Cell, ...]] = [
        (p.name, ROLES[p.role], _brought(policy, p.name), BLANK, BLANK) for p in policy.parties
    ]
    rows.append(("operator", "processor", "none", BLANK, BLANK))
    heads = "Party | Role | Brings | Legal name and contact | Data protection officer"
    yield grid(heads, rows)


def _brought(policy: Policy, party: str) -> str:
    return listed(d.schema.name for d in policy.datasets if d.schema.owner == party)


def _purposes(policy: Policy) -> Iterator[Part]:
    asked = [f for f in Family if any(f in p.may_ask for p in policy.parties)]
    rows: list[tuple[Cell, ...]] = []
    for family in asked:
        for name in _names(policy.purposes(family)):
            term = PURPOSE_TERMS[name]
            rows.append((FAMILY_NAMES[family], name, f"so that {term.definition}", _term(term)))
    yield (
        "Questions are answered in totals with noise; nothing is decided about anybody. A person "
        "counts for a family of questions only if every purpose named for it is permitted."
    )
    yield grid("Questions | Purpose | Meaning | Data Privacy Vocabulary", rows)
    bases = [(basis, BASIS_TERMS[basis]) for basis in policy.consent.bases]
    yield "Rows may rest on these legal bases; rows that rest on another are not kept."
    yield grid(
        "Basis | Meaning | Data Privacy Vocabulary",
        ((str(basis), f"because {term.definition}", _term(term)) for basis, term in bases),
    )


def _names(bits: int) -> tuple[str, ...]:
    return tuple(name for name, bit in PURPOSES.items() if bits & bit)


def _term(term: Term) -> str:
    return f"{term.short} ({_MATCHES[term.match]}), {term.iri}"


def _categories(policy: Policy) -> Iterator[Part]:
    yield (
        "Identifiers stay on the machines of the party that has them; the service holds tokens "
        f"made of {listed(policy.matching.keys)}. Values travel as positions in the policy's own "
        "lists, so no free text is held. Special categories of data (article 9) are not declared "
        "by a policy: whether a column tells of one is for its owner to say."
    )
    rows = ((d.schema.name, d.schema.owner, _people(policy, d), _data(d)) for d in policy.datasets)
    yield grid("Dataset | Owner | People | Data", rows)


def _people(policy: Policy, rules: DatasetRules) -> str:
    owner = policy.party(rules.schema.owner)
    return _SUBJECTS[owner.role] if owner else "people"


def _data(rules: DatasetRules) -> str:
    schema = rules.schema
    found = [f"tokens of {listed(schema.keys)}"]
    found += [f"{d.name} (one of {len(d.values)} values)" for d in schema.dimensions]
    found += [f"{rules.arm.column} (test or control)"] if rules.arm else []
    found += [c.name for c in (*schema.counts, *schema.measures)]
    found += [f"{d.name} of an event (one of {len(d.values)} values)" for d in schema.filters]
    found += [f"{rules.time_column} of an event"] if rules.time_column else []
    return "; ".join([*found, "purposes, basis, start and end of consent"])


def _recipients(policy: Policy) -> Iterator[Part]:
    yield (
        "Parties receive totals with noise and no rows. The operator stores rows encrypted and "
        "sees no identifiers. Auditors read the log, which holds no data of people."
    )
    rows = []
    for party in policy.parties:
        families = [FAMILY_NAMES[f] for f in Family if f in party.may_ask]
        rows.append((party.name, listed(families), _others(policy, party.name)))
    yield grid("Recipient | Receives | About people of", rows)


def _others(policy: Policy, party: str) -> str:
    asks = policy.party(party)
    return listed(policy.owners()) if asks and asks.may_ask else "nobody"


def _transfers() -> Iterator[Part]:
    yield (
        "A policy does not say where the service or the parties are. "
        f"Countries, and the safeguards for transfers to them: {BLANK}."
    )


def _erasure(policy: Policy) -> Iterator[Part]:
    keep = policy.retention
    yield grid(
        "What | Erased",
        (
            ("rows of people", f"{counted(keep.datasets_days, 'day', 'days')} after sealing"),
            (
                "released measurements",
                f"{counted(keep.measurements_days, 'day', 'days')} after their release",
            ),
            ("identifiers", "never held by the service"),
            ("the log", "kept: it holds names of parties, digests, losses and reasons only"),
        ),
    )


def _measures(policy: Policy) -> Iterator[Part]:
    yield from (
        f"Identifiers are replaced by tokens: {_SCHEMES[policy.matching.scheme]}.",
        (
            "Rows are encrypted at rest under a key for each version, whose deletion erases it; all "
            "calls are under mutual TLS; every step stands in a signed log that can only grow."
        ),
        (
            "Every answer has noise, and all answers about one pool of people together are bound by "
            "its budget, which never renews:"
        ),
    )
    yield grid(
        "Pool | Of | People of | Epsilon in all | Delta | Epsilon of one question",
        (
            (
                terms.ledger.pool,
                terms.ledger.owner,
                listed(terms.datasets),
                decimal_text(terms.epsilon),
                decimal_text(terms.delta),
                decimal_text(terms.per_question),
            )
            for terms in policy.ledgers()
        ),
    )
    yield "Figures about few people are withheld:"
    yield grid(
        "Dataset | Fewest people", ((d.schema.name, _least(policy, d)) for d in policy.datasets)
    )


def _least(policy: Policy, rules: DatasetRules) -> str:
    by_family = {f: policy.minimum([rules.schema.name], f).people for f in Family}
    least = min(by_family.values())
    more = [f"{n:,} for {FAMILY_NAMES[f]}" for f, n in by_family.items() if n > least]
    return f"{least:,}" + (f", {listed(more)}" if more else "")
