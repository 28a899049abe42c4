"""Reads a policy file into a `Policy` or says everything that is wrong with it, with positions.

Must not know how a policy is stored, accepted or applied. A story of four steps: bytes to text,
text to nodes, nodes to values of the grammar, values against each other. Each step refuses the
file with all its problems before the next begins.
"""

from __future__ import annotations

from hashlib import sha256

from cleanroom.model.dataset import KeyType
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.question import Family
from cleanroom.policy.checks import check
from cleanroom.policy.document import (
    WITHDRAWN_DAYS,
    DatasetRules,
    Mark,
    Matching,
    Party,
    Policy,
    Retention,
    Role,
    Scheme,
)
from cleanroom.policy.fields import DAY_S, Field
from cleanroom.policy.keys import POLICY
from cleanroom.policy.parse_consent import consent_terms
from cleanroom.policy.parse_dataset import dataset
from cleanroom.policy.problems import START, Problems
from cleanroom.policy.yaml_reader import decode, read


def parse_policy(data: bytes, file: str = "policy.yaml") -> Policy:
    """Return the policy that `data` holds; `file` is how problems and refusals name it.

    Raises PolicyInvalidError, and nothing else, with one line for each problem:
    `file:line:column: path: what was found and what to write instead`.
    """
    problems = Problems(file)
    # 1. Bytes to text.
    text = decode(data, problems)
    # 2. Text to nodes.
    node = read(text, problems)
    problems.raise_if_any()
    # 3. Nodes to values of the grammar.
    marks: dict[str, Mark] = {}
    root = Field(node=node, spec=POLICY, path="", mark=START, problems=problems, marks=marks)
    policy = _document(root, sha256(data).hexdigest(), text)
    # 4. Values against each other.
    check(policy, problems)
    problems.raise_if_any()
    return policy


def _document(root: Field, digest: str, text: str) -> Policy:
    keys = root.table()
    keys["version"].word()
    collaboration = keys["collaboration"].label()
    valid_from_s, valid_until_s = _valid(keys["valid"])
    parties = tuple(_party(name, f) for name, f in keys["parties"].named())
    matching = _matching(keys["matching"])
    datasets = tuple(dataset(n, f, matching.keys) for n, f in keys["datasets"].named())
    consent = consent_terms(keys["consent"])
    retention = _retention(keys["retention"])
    _require_rules(keys["datasets"], datasets)
    root.problems.raise_if_any()
    try:
        return Policy(
            digest=digest,
            text=text,
            collaboration=collaboration,
            valid_from_s=valid_from_s,
            valid_until_s=valid_until_s,
            parties=parties,
            matching=matching,
            datasets=datasets,
            retention=retention,
            consent=consent,
            file=root.problems.file,
            marks=root.marks,
        )
    except FieldInvalid as error:
        root.problems.refuse(START, "policy", str(error))


def _valid(field: Field) -> tuple[int, int]:
    keys = field.table()
    start, last = keys["from"].day(), keys["until"].day()
    if start and last and last < start:
        keys["until"].bad("found a day before valid.from: write the last day of the period")
    return start, last + DAY_S  # the day named by `until` still counts


def _party(name: str, field: Field) -> Party:
    keys = field.table()
    asked = frozenset(keys["may_ask"].choices(Family))
    return Party(name=name, role=keys["role"].choice(Role), may_ask=asked)


def _matching(field: Field) -> Matching:
    keys = field.table()
    scheme = keys["scheme"].choice(Scheme)
    unsalted = keys["allow_unsalted"].boolean() if keys["allow_unsalted"].present else False
    if unsalted and scheme is not Scheme.SHA256:
        keys["allow_unsalted"].bad(f"found true with scheme {scheme}: leave it out or use sha256")
    if scheme is Scheme.SHA256 and not unsalted:
        at = keys["allow_unsalted"] if keys["allow_unsalted"].present else keys["scheme"]
        at.bad(
            "sha256 tokens can be inverted by anybody with a dictionary: write "
            "matching.allow_unsalted: true to accept that, or scheme: psi"
        )
    return Matching(
        scheme=scheme,
        normalisation=keys["normalisation"].word(),
        keys=keys["keys"].choices(KeyType) or (KeyType.EMAIL,),
        allow_unsalted=scheme is Scheme.SHA256,
        default_region=keys["default_region"].region(),
    )


def _retention(field: Field) -> Retention:
    keys = field.table()
    return Retention(
        datasets_days=keys["datasets_days"].integer(),
        measurements_days=keys["measurements_days"].integer(),
        withdrawn_days=(
            keys["withdrawn_days"].integer() if keys["withdrawn_days"].present else WITHDRAWN_DAYS
        ),
    )


def _require_rules(field: Field, datasets: tuple[DatasetRules, ...]) -> None:
    """Strictest rules must exist: without any there would be no line and no budget at all."""
    declared = {
        "privacy": any(d.privacy for d in datasets),
        "minimum_aggregation": any(d.minimum for d in datasets),
    }
    for rule, found in declared.items():
        if field.present and not found:
            field.problems.add(field.mark, field.path, f"declare {rule} in at least one dataset")
