"""Which errors are sentences already; must not know which command met them."""

from __future__ import annotations

from cleanroom.audit.errors import AuditError
from cleanroom.config import ConfigInvalid
from cleanroom.model.errors import CleanRoomError, PolicyInvalidError
from cleanroom.wiring.errors import CannotServe

# Known by name: their modules load the engines' libraries, which a help text does not need.
_BY_NAME = frozenset(
    {
        "cleanroom.sandbox.create.SandboxRefused",
        "cleanroom.storage.errors.StoreUnusable",
        "cleanroom.witness.state.WitnessUnusable",
        "cleanroom.storage.keys.MasterKeyRefused",
        "cleanroom.ports.vault.VaultDamaged",
        "sqlalchemy.exc.DatabaseError",
        "sqlalchemy.exc.OperationalError",
    }
)


def expected(error: Exception) -> bool:
    """Return whether the error's text is meant for the person at the terminal."""
    known = (CleanRoomError, ConfigInvalid, CannotServe, AuditError, OSError)
    return isinstance(error, known) or _name(error) in _BY_NAME


def sentence(error: Exception) -> str:
    """Return what to print; requires an expected error."""
    match error:
        case PolicyInvalidError():
            return "\n".join(error.problems)
        case OSError() if error.filename is not None:
            return f"{error.filename}: {error.strerror}"
        case OSError() if error.strerror:
            return error.strerror
        case _ if _name(error).startswith("sqlalchemy."):
            return f"the database cannot be used: {getattr(error, 'orig', 'it did not say why')}"
        case _:
            return str(error)


def _name(error: Exception) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"
