"""The server's configuration file as checked values; must not know what is built from them.

The format is strict TOML: a key that is not known, a missing one and a value of another type are
each refused by file and key. Relative paths are relative to the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from cleanroom.audit.cosignature import WitnessKey
from cleanroom.audit.errors import NoteInvalid
from cleanroom.model.errors import FieldInvalid
from cleanroom.model.names import Actor, ActorKind

VERSION: Final = "cleanroom-server/v1"
T = TypeVar("T")

_MAX_PORT: Final = 65_535
_MEMORY = re.compile(r"[1-9][0-9]{0,6}(?:MB|GB|TB|MiB|GiB|TiB)")
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,253}")
_URL = re.compile(r"https?://[!-~]+")
_LISTEN = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")


@dataclass(eq=False)
class ConfigInvalid(Exception):
    """The file cannot be used; one sentence for each problem, each naming file and key."""

    problems: tuple[str, ...]

    def __str__(self) -> str:
        """Return the sentences, a line each."""
        return "\n".join(self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A witness of the log: where it is asked, and its verifier key as text."""

    url: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log's name in checkpoints, the PEM file of its Ed25519 key, and who cosigns.

    `previous_key` signs beside `key` while one follows the other. A checkpoint is published, and
    witnesses are asked, every `checkpoint_every_s` seconds.
    """

    name: str
    key: Path
    previous_key: Path | None = None
    checkpoint_every_s: int = 60
    witnesses: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files of mutual TLS; `denied` lists certificates and holders that are refused."""

    ca: Path
    certificate: Path
    key: Path
    denied: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the service bears; `engine_memory` as DuckDB writes it."""

    workers: int = 32
    calls_per_second: float = 200.0
    burst: int = 400
    quantum_ms: int = 50
    engine_memory: str = "2GB"
    engine_threads: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How often the service looks for what was kept long enough, and how long uploads may take."""

    every_s: int = 3_600
    unfinished_days: int = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One server. `data` holds the database and the vault; `bootstrap` is a policy or None."""

    file: Path
    listen: str
    trust_domain: str
    data: Path
    master_key: Path
    log: Log
    tls: Tls
    limits: Limits
    retention: Retention = Retention()
    bootstrap: Path | None = None

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "cleanroom.sqlite"

    @property
    def vault(self) -> Path:
        """The folder of encrypted uploads and versions."""
        return self.data / "vault"


def load_config(path: Path | str) -> Config:
    """Read the file; raises ConfigInvalid with everything that is wrong with it.

    Does not check that the files it names exist: whoever uses one does.
    """
    file = Path(path)
    root = _Table(file=file, values=_read(file), prefix="", problems=[])
    config = _config(root)
    if root.problems:
        raise ConfigInvalid(tuple(root.problems))
    return config


def check_listen(text: str) -> str:
    """Return `text` if it is host:port; raises FieldInvalid. Port 0 means any free one."""
    match = _LISTEN.fullmatch(text)
    if match is None or int(match[2]) > _MAX_PORT:
        raise FieldInvalid(field="listen", expected="host:port, as in 127.0.0.1:8443")
    return text


def check_trust_domain(text: str) -> str:
    """Return `text` if it can stand in an identity; raises FieldInvalid."""
    return Actor(trust_domain=text, kind=ActorKind.OPERATOR, name="operator").trust_domain


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        why = "there is no configuration here"
    except OSError as error:
        why = f"the configuration cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        why = "the configuration is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        why = f"the configuration is not valid TOML: {error}"
    raise ConfigInvalid((f"{file}: {why}",))


@dataclass(slots=True, kw_only=True)
class _Table:
    """One table of the file; its readers note problems, naming the key, and read on."""

    file: Path
    values: dict[str, object]
    prefix: str
    problems: list[str]
    taken: set[str] = field(default_factory=set)

    def text(self, key: str, check: Callable[[str], str] = str) -> str:
        value = self._value(key, str, "text in quotes", "")
        if not value:
            if isinstance(self.values.get(key), str):
                self._bad(key, "expected text in quotes, found none between them")
            return ""
        try:
            return check(value)
        except FieldInvalid as error:
            self._bad(key, f"expected {error.expected}")
            return ""

    def path(self, key: str) -> Path:
        return self.file.parent / self.text(key)

    def optional_path(self, key: str) -> Path | None:
        return self.path(key) if self.has(key) else None

    def whole(self, key: str, default: int, least: int) -> int:
        if not self.has(key):
            return default
        value = self._value(key, int, "a whole number", default)
        if value < least:
            self._bad(key, f"expected a whole number of at least {least}")
        return value

    def positive(self, key: str, default: float) -> float:
        if not self.has(key):
            return default
        value = self._value(key, (int, float), "a number", default)
        if not 0 < value < float("inf"):
            self._bad(key, "expected a number above 0")
        return float(value)

    def table(self, key: str) -> _Table:
        values = self._value(key, dict, "a table", {})
        known: dict[str, object] = dict(values)
        return _Table(
            file=self.file,
            values=known,
            prefix=f"{self.prefix}{key}.",
            problems=self.problems,
        )

    def optional_table(self, key: str) -> _Table | None:
        return self.table(key) if self.has(key) else None

    def optional_tables(self, key: str) -> list[_Table]:
        """Return the tables of a list, `[[key]]` each, none where the key is left out."""
        if not self.has(key):
            return []
        values = self._value(key, list, f"tables, [[{self.prefix}{key}]] each", [])
        if not all(isinstance(each, dict) for each in values):
            self._bad(key, f"expected tables, [[{self.prefix}{key}]] each")
            return []
        return [
            _Table(
                file=self.file,
                values=dict(each),
                prefix=f"{self.prefix}{key}[{number}].",
                problems=self.problems,
            )
            for number, each in enumerate(values, start=1)
        ]

    def has(self, key: str) -> bool:
        """Return whether a key that may be left out is there."""
        self.taken.add(key)
        return key in self.values

    def close(self) -> None:
        """Refuse what nobody asked for."""
        for key in self.values:
            if key not in self.taken:
                self._bad(key, f"is not known here: known are {', '.join(sorted(self.taken))}")

    def _value(self, key: str, kind: type[T] | tuple[type[T], ...], word: str, default: T) -> T:
        self.taken.add(key)
        if key not in self.values:
            self._bad(key, f"is missing: expected {word}")
            return default
        value = self.values[key]
        # In Python true is also the number 1.
        if isinstance(value, bool) or not isinstance(value, kind):
            self._bad(key, f"expected {word}")
            return default
        return value

    def _bad(self, key: str, what: str) -> None:
        line = f"{self.file}: {self.prefix}{key}: {what}"
        if line not in self.problems:
            self.problems.append(line)


def _config(root: _Table) -> Config:
    root.text("version", _is_version)
    config = Config(
        file=root.file,
        listen=root.text("listen", check_listen),
        trust_domain=root.text("trust_domain", check_trust_domain),
        data=root.path("data"),
        master_key=root.path("master_key"),
        log=_log(root.table("log")),
        tls=_tls(root.table("tls")),
        limits=_limits(root.optional_table("limits")),
        retention=_retention(root.optional_table("retention")),
        bootstrap=_bootstrap(root.optional_table("bootstrap")),
    )
    root.close()
    return config


def _log(table: _Table) -> Log:
    log = Log(
        name=table.text("name", _is_log_name),
        key=table.path("key"),
        previous_key=table.optional_path("previous_key"),
        checkpoint_every_s=table.whole("checkpoint_every_s", 60, least=1),
        witnesses=tuple(_witness(each) for each in table.optional_tables("witnesses")),
    )
    table.close()
    return log


def _witness(table: _Table) -> Witness:
    witness = Witness(url=table.text("url", _is_url), key=table.text("key", _is_witness_key))
    table.close()
    return witness


def _tls(table: _Table) -> Tls:
    tls = Tls(
        ca=table.path("ca"),
        certificate=table.path("certificate"),
        key=table.path("key"),
        denied=table.optional_path("denied"),
    )
    table.close()
    return tls


def _limits(table: _Table | None) -> Limits:
    usual = Limits()
    if table is None:
        return usual
    memory = "engine_memory"
    limits = Limits(
        workers=table.whole("workers", usual.workers, least=1),
        calls_per_second=table.positive("calls_per_second", usual.calls_per_second),
        burst=table.whole("burst", usual.burst, least=1),
        quantum_ms=table.whole("quantum_ms", usual.quantum_ms, least=0),
        engine_memory=(
            table.text(memory, _is_memory) if table.has(memory) else usual.engine_memory
        ),
        engine_threads=table.whole("engine_threads", usual.engine_threads, least=1),
    )
    table.close()
    return limits


def _retention(table: _Table | None) -> Retention:
    usual = Retention()
    if table is None:
        return usual
    retention = Retention(
        every_s=table.whole("every_s", usual.every_s, least=1),
        unfinished_days=table.whole("unfinished_days", usual.unfinished_days, least=1),
    )
    table.close()
    return retention


def _bootstrap(table: _Table | None) -> Path | None:
    if table is None:
        return None
    policy = table.path("policy")
    table.close()
    return policy


def _is_version(text: str) -> str:
    if text != VERSION:
        raise FieldInvalid(field="version", expected=f'"{VERSION}"')
    return text


def _is_url(text: str) -> str:
    if not _URL.fullmatch(text):
        raise FieldInvalid(field="url", expected="an address such as https://witness.example")
    return text


def _is_witness_key(text: str) -> str:
    try:
        return WitnessKey.parse(text).text
    except NoteInvalid as error:
        expected = f"a verifier key of cosignatures, name+id+key: {error.why}"
        raise FieldInvalid(field="key", expected=expected) from None


def _is_memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise FieldInvalid(field="engine_memory", expected="a size such as 512MB or 2GB")
    return text


def _is_log_name(text: str) -> str:
    if not _LOG_NAME.fullmatch(text):
        raise FieldInvalid(field="name", expected="a name such as cleanroom.test/log")
    return text
