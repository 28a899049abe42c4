"""Commands about data: bring, upload, blind, seal, describe, erase."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cleanroom_client.blinding.kernel import PYTHON, available
from cleanroom_client.cli.output import add_row, remark, say, say_json, show, table_of
from cleanroom_client.cli.state import Settings, guarded, settings_of
from cleanroom_client.tables import UploadReport
from cleanroom_client.values import UploadResult, Version

_TAB, _TAB_NAMES = "\t", ("tab", "\\t")  # a shell makes a tab hard to type
_NO_KERNEL = (
    "note: the native blinding kernel is not installed, so blinding takes about 15 times as long "
    "as it could: install a C compiler such as gcc and then this package again, or a wheel of it "
    "that was built on a machine of this kind"
)
Dataset = Annotated[str, typer.Argument(help="A dataset of yours, as the policy names it.")]
File = Annotated[Path, typer.Argument(help="A CSV (UTF-8, with a header) or Parquet file.")]
Mapping = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="COLUMN=HEADER", help="Where your header differs."),
]
Delimiter = Annotated[str | None, typer.Option(help="Between CSV fields: ';', '|' or tab.")]
Consent = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Read consent from the TCF or GPP strings in column consent_string, by these rules.",
    ),
]
Again = Annotated[
    bool, typer.Option("--again", help="Start over although the same content is there.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(bring)
    app.command()(upload)
    app.command()(blind)
    app.command()(seal)
    app.command()(describe)
    app.command()(erase)


@guarded
def bring(
    context: typer.Context,
    dataset: Dataset,
    file: File,
    *,
    mapping: Mapping = None,
    delimiter: Delimiter = None,
    consent: Consent = None,
    again: Again = False,
    max_wait: Annotated[
        float, typer.Option(help="Seconds to wait for the others without any work.")
    ] = 600.0,
) -> None:
    """Upload, blind and seal in one go, from the file to the version.

    The same command after a failure goes on where it stopped. A party that comes later needs
    your 'blind' again.

    Example: cleanroom-client --profile acme.toml bring exposures crm.csv
    """
    settings = settings_of(context)
    pairs = mapping_of(mapping or [])
    _prepare(settings)
    with settings.room() as room, settings.bars() as bars:
        brought = room.bring(
            dataset,
            file,
            mapping=pairs,
            delimiter=delimiter_of(delimiter),
            consent=consent,
            again=again,
            max_wait_s=max_wait,
            progress=bars,
        )
    _say_uploaded(settings, dataset, brought.result)
    say(f"evaluated {brought.evaluated} elements")
    _say_sealed(dataset, brought.version)


@guarded
def upload(
    context: typer.Context,
    dataset: Dataset,
    file: File,
    *,
    mapping: Mapping = None,
    delimiter: Delimiter = None,
    consent: Consent = None,
    again: Again = False,
) -> None:
    """Blind a table's identifiers on this machine and bring it to the service.

    Each row says what its person agreed to: in the columns purposes, consent_at and
    consent_until, or with --consent in a TCF or GPP string. No signal means no consent.
    The same command after a failure goes on where it stopped.

    Example: cleanroom-client --profile acme.toml upload exposures crm.csv --map email=E-Mail
    """
    settings = settings_of(context)
    pairs = mapping_of(mapping or [])
    _prepare(settings)
    with settings.room() as room, settings.bars() as bars:
        result = room.upload(
            dataset,
            file,
            mapping=pairs,
            delimiter=delimiter_of(delimiter),
            consent=consent,
            again=again,
            progress=bars,
        )
    _say_uploaded(settings, dataset, result)
    if result.report is not None and result.upload.waiting_for:
        say(f"next: {', '.join(result.upload.waiting_for)} must run 'blind', then you 'seal'")


def _prepare(settings: Settings) -> None:
    """Leave pandas out, which reads no file here, and say what blinding lacks."""
    from cleanroom_client.pandas_free import keep_pandas_out  # noqa: PLC0415 - loads Arrow

    keep_pandas_out()
    _remark_on_kernel(settings)


def delimiter_of(given: str | None) -> str | None:
    """Return what stands between fields, which a shell may make hard to type."""
    return _TAB if given in _TAB_NAMES else given


def _say_uploaded(settings: Settings, dataset: str, result: UploadResult) -> None:
    if result.report is None:
        say(f"{dataset}: this content is uploaded already ({result.upload.rows} rows)")
        return
    if not settings.quiet:
        show(report_table(result.report))
    say(f"{dataset}: upload {result.upload.id} is complete, {result.upload.rows} rows")


def _say_sealed(dataset: str, version: Version) -> None:
    say(f"{dataset}: version {version.id}, {version.persons} people, {version.events} rows")


def _remark_on_kernel(settings: Settings) -> None:
    """Say what is missing where the package was installed without a C compiler."""
    if available() == (PYTHON,):
        remark(_NO_KERNEL, quiet=settings.quiet)


def mapping_of(pairs: Sequence[str]) -> dict[str, str]:
    """Return {column: header}; a usage error for what has no '='."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        column, equals, header = pair.partition("=")
        if not equals or not column or not header or column in mapping:
            raise typer.BadParameter(f"--map {pair}: expected COLUMN=HEADER, each column once")
        mapping[column] = header
    return mapping


def report_table(report: UploadReport) -> Table:
    """Return what became of the rows."""
    table = table_of("upload", ("what", "count"), numbers=("count",))
    add_row(table, "rows read", report.rows)
    add_row(table, "rows sent", report.sent)
    add_row(table, "rows without a usable key", report.without_key)
    add_row(table, "rows without consent, never used", report.without_consent)
    for cause, count in report.no_consent.items():
        add_row(table, f"no consent: {cause.replace('_', ' ')}", count)
    add_row(table, "repeated rows, kept", report.duplicates)
    for column, rejects in report.rejected.items():
        for reason, count in sorted(rejects.by_reason.items()):
            add_row(table, f"{column}: {reason.replace('_', ' ')}", count)
    return table


@guarded
def blind(
    context: typer.Context,
    *,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing more is to come.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Run until Ctrl-C.")] = False,
    max_wait: Annotated[
        float, typer.Option(help="With --until-idle: seconds to wait without any work.")
    ] = 600.0,
) -> None:
    """Do your part for the other parties' uploads: blind the elements they brought.

    Example: cleanroom-client --profile acme.toml blind --until-idle
    """
    if until_idle == watch:
        raise typer.BadParameter("choose one of --until-idle and --watch")
    _remark_on_kernel(settings_of(context))
    try:
        count = _blind(settings_of(context), watch=watch, max_wait_s=max_wait)
    except KeyboardInterrupt:
        if not watch:
            raise
        say("stopped")  # what was returned stays; another agent goes on from there
        return
    say(f"evaluated {count} elements")


def _blind(settings: Settings, *, watch: bool, max_wait_s: float) -> int:
    with settings.room() as room, settings.bars() as bars:
        return room.blind(watch=watch, max_wait_s=max_wait_s, progress=bars)


@guarded
def seal(context: typer.Context, dataset: Dataset) -> None:
    """Seal the last complete upload into an immutable version.

    Example: cleanroom-client --profile acme.toml seal exposures
    """
    with settings_of(context).room() as room:
        version = room.seal(dataset)
    _say_sealed(dataset, version)


@guarded
def describe(
    context: typer.Context,
    dataset: Dataset,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Say what the service has of one of your datasets, with exact counts.

    Example: cleanroom-client --profile acme.toml describe exposures
    """
    with settings_of(context).room() as room:
        found = room.describe(dataset)
    if as_json:
        say_json(found.to_dict())
        return
    numbers = ("rows", "people")
    table = table_of(dataset, ("id", "state", *numbers, "remark"), numbers=numbers)
    for item in found.uploads:
        remark = f"waiting for {', '.join(item.waiting_for)}" if item.waiting_for else ""
        add_row(table, item.id, f"upload {item.state}", item.rows, "", remark)
    for version in found.versions:
        state = "version erased" if version.erased_at_s else "version"
        add_row(table, version.id, state, version.events, version.persons, version.file_digest[:16])
    show(table)


@guarded
def erase(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="The version's id, from 'describe'.")],
) -> None:
    """Erase a version for good; what was released from it stays released.

    Example: cleanroom-client --profile acme.toml erase v-0123abcd
    """
    with settings_of(context).room() as room:
        erased = room.erase(version)
    say(f"erased {erased.id}")
