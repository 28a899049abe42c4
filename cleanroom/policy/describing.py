"""What a node of a policy file is, in the words of its writer; must not know the grammar."""

from __future__ import annotations

import re
from difflib import get_close_matches

from cleanroom.policy.problems import shown, stranger
from cleanroom.policy.yaml_reader import Items, Kind, Node, Scalar, Table

# What YAML 1.1 took for something else; the file's writer may have meant that.
_OLD_BOOLEAN = re.compile(r"(?i:y|n|yes|no|on|off)")
_OLD_NUMBER = re.compile(r"[0-9]+(?::[0-5]?[0-9])+|[0-9]+(?:_[0-9]+)+")


def describe(node: Node) -> str:
    """Return what a node is in the words of its writer, with what YAML 1.1 made of it."""
    if isinstance(node, Table):
        return "a mapping"
    if isinstance(node, Items):
        return "a list" if node.items else "an empty list"
    match node.kind:
        case Kind.NULL:
            return "nothing"
        case Kind.BOOLEAN | Kind.INTEGER | Kind.NUMBER:
            return f"the {node.kind} {shown(node.text)[1:-1]}"
        case Kind.TEXT:
            return f"the text {shown(node.text)}{_old_meaning(node)}{stranger(node.text)}"


def _old_meaning(node: Scalar) -> str:
    if not node.plain:
        return " in quotes"
    if _OLD_BOOLEAN.fullmatch(node.text):
        return " (a boolean in YAML 1.1 only)"
    if _OLD_NUMBER.fullmatch(node.text):
        return " (a number in YAML 1.1 only)"
    return ""


def suggestion(text: str, words: tuple[str, ...]) -> str:
    """Return the one of `words` that `text` may have meant, as a question, or nothing."""
    close = get_close_matches(text, words, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
