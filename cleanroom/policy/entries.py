"""One node of a policy file at its place in the grammar, and the nodes below it.

Must not know which keys a policy has, nor what kinds of scalars there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self, TypeVar

from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import check_column, check_label
from cleanroom.policy.describing import describe, suggestion
from cleanroom.policy.document import Mark
from cleanroom.policy.grammar import MAX_ENTRIES, Block, Named, Spec
from cleanroom.policy.problems import Problems, shown, stranger
from cleanroom.policy.yaml_reader import Items, Kind, Node, Scalar, Table

UNNAMED = "unnamed"  # stands in for a name that is none
_ABSENT: tuple[None, None] = (None, None)

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The node at `path`, None when the key is absent; absent ones read as stand-ins, silently.

    `spec` is what the grammar wants there; a reader of another kind is a programming error.
    """

    node: Node | None
    spec: Spec
    path: str
    mark: Mark
    problems: Problems
    marks: dict[str, Mark]

    @property
    def present(self) -> bool:
        """Whether the file has this key."""
        return self.node is not None

    @property
    def empty(self) -> bool:
        """Whether an empty list stands here."""
        return isinstance(self.node, Items) and not self.node.items

    @property
    def is_text(self) -> bool:
        """Whether a text stands here, be it an empty one."""
        return isinstance(self.node, Scalar) and self.node.kind is Kind.TEXT

    def bad(self, message: str) -> None:
        """Note a problem where the value stands."""
        mark = self.node.mark if self.node else self.mark
        self.problems.add(mark, self.path or "policy", message)

    def expect(self, wanted: str) -> None:
        """Note that something else than `wanted` was found; silent when nothing is there."""
        if self.node is not None:
            self.bad(f"found {describe(self.node)}: write {wanted}")

    def table(self) -> dict[str, Self]:
        """Return a field for each key of the grammar; notes unknown and missing keys."""
        keys = self._wants(Block).keys
        known = tuple(key.name for key in keys)
        found = {key.text: (key, node) for key, node in self._entries(", ".join(known))}
        for name, (written, _) in found.items():
            if name not in known:
                self._unknown(written, known)
        for key in keys:
            if key.required and key.name not in found and isinstance(self.node, Table):
                self.problems.add(self.mark, self.path or "policy", f"add the key {key.name!r}")
        return {k.name: self._child(k.name, k.spec, *found.get(k.name, _ABSENT)) for k in keys}

    def named(self) -> Iterator[tuple[str, Self]]:
        """Yield (name, field) for each entry of a mapping whose keys the policy chooses.

        A name that cannot be one is noted, and the entry is read on under a stand-in.
        """
        spec = self._wants(Named)
        entries = self._entries(f"a name for each {spec.what}")
        if len(entries) > MAX_ENTRIES:
            self.bad(f"found {len(entries)} entries: write at most {MAX_ENTRIES}")
            return
        if len(entries) < spec.least and isinstance(self.node, Table):
            self.bad(f"found no {spec.what}: write at least one")
        for key, node in entries:
            child = self._child(key.text, spec.each, key, node)
            yield child._named(key.text, spec), child  # noqa: SLF001 - of the same class

    def items(self, what: str, most: int, each: Spec) -> tuple[Self, ...]:
        """Return the elements of a list of `what`; notes a list that is longer than `most`."""
        if not isinstance(self.node, Items):
            self.expect(f"a list of {what}, as in [first, second]")
            return ()
        if len(self.node.items) > most:
            self.bad(f"found {len(self.node.items)} {what}: write at most {most}")
            return ()
        return tuple(self._item(i, node, each) for i, node in enumerate(self.node.items))

    def text(self, wanted: str) -> str:
        """Return a text; numbers, booleans and nothing are not texts."""
        if isinstance(self.node, Scalar) and self.is_text:
            return self.node.text
        self.expect(wanted)
        return ""

    def _wants(self, kind: type[S]) -> S:
        if not isinstance(self.spec, kind):
            raise TypeError(f"{self.path} is read as {kind.__name__}, the grammar has {self.spec}")
        return self.spec

    def _entries(self, wanted: str) -> tuple[tuple[Scalar, Node], ...]:
        if isinstance(self.node, Table):
            return self.node.entries
        self.expect(f"a mapping with {wanted}")
        return ()

    def _child(self, name: str, spec: Spec, key: Scalar | None, node: Node | None) -> Self:
        path = f"{self.path}.{name}" if self.path else name
        mark = key.mark if key else self.mark
        if key:
            self.marks[path] = mark
        return replace(self, node=node, spec=spec, path=path, mark=mark)

    def _item(self, index: int, node: Node, spec: Spec) -> Self:
        path = f"{self.path}[{index}]"
        self.marks[path] = node.mark
        return replace(self, node=node, spec=spec, path=path, mark=node.mark)

    def _unknown(self, key: Scalar, known: tuple[str, ...]) -> None:
        hint = suggestion(key.text, known)
        found = f"found the unknown key {shown(key.text)}{stranger(key.text)}"
        message = f"{found}: write {', '.join(known)}{hint}"
        self.problems.add(key.mark, self.path or "policy", message)

    def _named(self, name: str, spec: Named) -> str:
        """Return `name`, the key of this entry, if it can be one."""
        check = check_column if spec.columns else check_label
        try:
            return check(name, spec.what)
        except FieldInvalid as error:
            parent = self.path[: len(self.path) - len(name)].rstrip(".")
            self.problems.add(self.mark, parent, misnamed(name, error))
            return UNNAMED


def misnamed(text: str, error: FieldInvalid) -> str:
    """Return the problem of a text that can be no name."""
    return f"found the name {shown(text)}{stranger(text)}: write {error.expected}"
