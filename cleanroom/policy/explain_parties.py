"""Who takes part, what each may ask, and how people are recognised, in sentences.

Must not know what datasets hold, budgets or noise.
"""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.dataset import KeyType
from cleanroom.model.question import Family
from cleanroom.policy.document import Party, Policy, Role, Scheme
from cleanroom.policy.prose import listed

ROLES = {
    Role.ADVERTISER: "advertiser",
    Role.RETAILER: "retailer",
    Role.DATA_PROVIDER: "data provider",
}
_KEYS = {
    KeyType.EMAIL: "e-mail address",
    KeyType.PHONE: "telephone number",
    KeyType.LOYALTY_ID: "loyalty number",
    KeyType.DEVICE_ID: "device id",
    KeyType.COOKIE: "cookie",
    KeyType.EXTERNAL_ID: "external id",
}
_FAMILIES = {
    Family.MATCH_RATE: "Match rates: how many people of one dataset are known in another",
    Family.SEGMENT_SIZE: (
        "Segment sizes: how many people share what the datasets say of them, in one dataset or "
        "among people known in several"
    ),
    Family.SALES_LIFT: (
        "Sales lifts: what advertising changed in what people buy, purchases that follow a "
        "contact, and the bounds that such totals are cut at"
    ),
}


def party_words(policy: Policy) -> Iterator[str]:
    """Yield a sentence on each party: its role and the data it brings."""
    for party in policy.parties:
        brings = [d.schema.name for d in policy.datasets if d.schema.owner == party.name]
        role = ROLES[party.role]
        article = "an" if role[0] in "aeiou" else "a"
        yield f"- {party.name}, {article} {role}, brings {_brought(brings)}."


def _brought(datasets: list[str]) -> str:
    if not datasets:
        return "no data"
    return f"the dataset{'s' if len(datasets) > 1 else ''} {listed(datasets)}"


def grant_words(policy: Policy) -> Iterator[str]:
    """Yield, for each family of questions, what it tells and who may ask."""
    yield "What is not granted here is refused. Nobody may ask for rows, lists or identifiers."
    for family in Family:
        askers = [p.name for p in policy.parties if family in p.may_ask]
        who = f"{listed(askers)} may ask" if askers else "nobody may ask"
        yield f"- {_FAMILIES[family]}. {who.capitalize() if not askers else who}."
    for party in policy.parties:
        if not party.may_ask:
            yield f"- {_silent(policy, party)}"


def _silent(policy: Policy, party: Party) -> str:
    if party.name in policy.owners():
        return f"{party.name} may ask nothing; its data serve the others' questions."
    return f"{party.name} may ask nothing and brings nothing."


def matching_words(policy: Policy) -> Iterator[str]:
    """Yield how identifiers become tokens and which of them count."""
    matching = policy.matching
    first, *then = (_KEYS[key] for key in matching.keys)
    order = f", then by {', then by '.join(then)}" if then else " alone"
    yield f"People of two datasets are the same if they match by {first}{order}."
    region = matching.default_region
    phones = (
        f"telephone numbers without a country code are read as those of {region}"
        if region
        else "telephone numbers without a country code are not used"
    )
    yield f"Identifiers are first written in one way ({matching.normalisation}); {phones}."
    yield _scheme(policy)


def _scheme(policy: Policy) -> str:
    owners = policy.owners()
    match policy.matching.scheme:
        case Scheme.PSI:
            return (
                f"Matching is blinded (psi): identifiers leave no party. {listed(owners)} "
                f"{'each blind' if len(owners) > 1 else 'blinds'} every list with a secret that "
                "stays at home, so that neither the operator nor another party can read or try "
                "out an identifier."
            )
        case Scheme.HMAC:
            return (
                f"Matching is by keyed hashes (hmac): {owners[0]} makes the key and hands it to "
                "the other owners. Whoever holds the key can try out identifiers on the hashes, "
                "so one owner together with the operator could find out who somebody is."
            )
        case Scheme.SHA256:
            return (
                "Matching is by plain hashes (sha256, allowed by name): anybody who holds the "
                "hashes and a list of addresses or numbers can find out whose they are. This "
                "keeps honest eyes from reading identifiers, and nobody from attacking them."
            )
