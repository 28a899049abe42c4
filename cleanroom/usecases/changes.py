"""What a proposal changes of the policy in force, as others are told it; must not know steps."""

from __future__ import annotations

from typing import Final

from cleanroom.audit.encoding import Json
from cleanroom.policy.compare import Change, Direction, compare
from cleanroom.policy.document import Policy
from cleanroom.policy.fits import still_fits

MAX_PATHS: Final = 64  # an entry must fit its limit, whatever changes


def changes_to(before: Policy | None, after: Policy) -> tuple[Change, ...]:
    """Return what `after` changes; nothing of a first policy, which is read as it stands."""
    return () if before is None or before.digest == after.digest else compare(before, after)


def told(before: Policy | None, after: Policy) -> dict[str, Json]:
    """Return for a log entry how many rules are tightened and loosened, and which; {} for none."""
    facts: dict[str, Json] = {}
    changes = changes_to(before, after)
    for direction, name in ((Direction.TIGHTER, "tightened"), (Direction.LOOSER, "loosened")):
        paths = list(dict.fromkeys(c.path for c in changes if c.direction is direction))
        if paths:
            facts[name] = len(paths)
            facts[f"{name}_paths"] = [*paths[:MAX_PATHS]]
    return facts


def must_come_again(before: Policy | None, after: Policy) -> tuple[str, ...]:
    """Return the datasets whose sealed versions and uploads do not fit any more, as declared."""
    if before is None or before.digest == after.digest:
        return ()
    names = (d.schema.name for d in after.datasets if before.dataset(d.schema.name))
    return tuple(name for name in names if not still_fits(before, after, name))
