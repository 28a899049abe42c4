"""Example policies, edited: what tests of the policy package start from."""

from __future__ import annotations

from pathlib import Path

from cleanroom.model.errors import PolicyInvalidError
from cleanroom.policy.document import Policy
from cleanroom.policy.parse import parse_policy

EXAMPLES = Path(__file__).parents[2] / "policies" / "examples"
NAMES = (
    "spring-campaign",
    "demo",
    "hmac",
    "sha256",
    "fmcg-retailer",
    "pharma-test-control",
    "retailer-data-provider",
    "three-providers",
    "regulator-strict",
    "legacy-hashed-list",
)


def example(name: str = "spring-campaign") -> str:
    return (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")


def edited(*edits: tuple[str, str], name: str = "spring-campaign") -> str:
    """The example with each `old` text, which must be there, replaced by `new`."""
    text = example(name)
    for old, new in edits:
        assert old in text, f"{name}.yaml has no {old!r}"
        text = text.replace(old, new)
    return text


def policy(*edits: tuple[str, str], name: str = "spring-campaign") -> Policy:
    return parse_policy(edited(*edits, name=name).encode(), f"{name}.yaml")


def problems(data: bytes | str) -> tuple[str, ...]:
    """What the parser says of `data`; empty when it accepts."""
    try:
        parse_policy(data if isinstance(data, bytes) else data.encode(), "p.yaml")
    except PolicyInvalidError as error:
        return error.problems
    return ()
