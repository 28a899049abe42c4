"""What the question commands share: reading lists from options, asking, showing the answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from cleanroom_client.cli.costing import Costing, costs_json, with_costs
from cleanroom_client.cli.figures import footer, measurement_table
from cleanroom_client.cli.output import complain, remark, say, say_json, say_paragraphs, show
from cleanroom_client.cli.state import Settings, settings_of
from cleanroom_client.errors import (
    ClientError,
    DeadlineExceeded,
    ReceiptRefused,
    RoomError,
    ServiceUnreachable,
)
from cleanroom_client.measurement import Measurement
from cleanroom_client.question import Loss, Question
from cleanroom_client.words import costs_in_words

# After these nothing was debited and repeating changes nothing: no advice to repeat.
_DECIDED = frozenset(
    {
        "FIELD_INVALID",
        "IDENTITY_REFUSED",
        "NOT_FOUND_OR_NOT_PERMITTED",
        "POLICY_NOT_IN_FORCE",
        "QUESTION_REFUSED",
        "BUDGET_EXHAUSTED",
        "REQUEST_ID_REUSED",
        "DATASET_NOT_SEALED",
    }
)


class AskFailed(ClientError):
    """A question was sent and its answer did not arrive; says how to repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How to identify a question, and what to do with its answer."""

    request_id: str | None = None
    receipt: Path | None = None
    as_json: bool = False
    as_csv: bool = False
    as_words: bool = False
    costing: Costing | None = None

    def __post_init__(self) -> None:
        """Refuse two formats at once."""
        if self.as_json + self.as_csv + self.as_words > 1:
            raise typer.BadParameter("choose one of --json, --csv and --words")


def names_of(text: str) -> tuple[str, ...]:
    """Return the names of a list such as `city,segment`."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def window_of(since: str | None, until: str | None, prefix: str = "") -> tuple[str, str] | None:
    """Return both ends of a window, or None without any."""
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise typer.BadParameter(f"a window needs both --{prefix}from and --{prefix}until")
    return since, until


def filters_of(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return {column: values} of texts such as `category=hair-care,other`."""
    filters: dict[str, tuple[str, ...]] = {}
    for text in texts:
        column, _, values = text.partition("=")
        if not column or not names_of(values) or column in filters:
            raise typer.BadParameter(f"--filter {text}: expected COLUMN=V1,V2, each column once")
        filters[column] = names_of(values)
    return filters


def product_of(context: typer.Context, sales: str, product: str) -> dict[str, tuple[str, ...]]:
    """Return the event filters of a product, by the policy in force."""
    if product == "total":
        return {}
    with settings_of(context).room() as room:
        return room.of_product(sales, product)


def ask_and_show(settings: Settings, question: Question, loss: Loss, answer: Answer) -> None:
    """Ask under one request id, which is told with the answer or the failure; show the answer."""
    _check_writable(answer.receipt)
    with settings.room() as room:
        request_id = answer.request_id or room.new_request_id()
        with repeatable(request_id):
            measurement = room.ask(
                question, epsilon=loss.epsilon, rho=loss.rho, request_id=request_id
            )
    remark(f"request id {request_id}", quiet=settings.quiet)
    show_measurement(settings, measurement, answer)


@contextmanager
def repeatable(request_id: str) -> Iterator[None]:
    """Tell how to repeat what fails inside, unless it was decided and repeating changes nothing."""
    try:
        yield
    except (DeadlineExceeded, ReceiptRefused, RoomError, ServiceUnreachable) as error:
        if isinstance(error, RoomError) and error.reason in _DECIDED:
            raise
        raise AskFailed(f"{error}; repeat with --request-id {request_id}") from error
    except KeyboardInterrupt:
        complain(f"interrupted: repeat with --request-id {request_id}")
        raise


def _check_writable(receipt: Path | None) -> None:
    """Refuse a place for the receipt that cannot hold it, before anything is paid."""
    if receipt is None:
        return
    if receipt.is_dir() or not receipt.parent.is_dir():
        raise typer.BadParameter(f"--receipt {receipt}: expected a file in a folder that exists")
    if not os.access(receipt if receipt.exists() else receipt.parent, os.W_OK):
        raise typer.BadParameter(f"--receipt {receipt}: you may not write there")


def show_measurement(settings: Settings, measurement: Measurement, answer: Answer) -> None:
    """Keep the receipt where asked, and print the answer as asked."""
    if answer.receipt is not None:
        measurement.save(answer.receipt)
        remark(f"receipt kept in {answer.receipt}", quiet=settings.quiet)
    costs = answer.costing.of(measurement) if answer.costing else ()
    both = with_costs(measurement, costs)
    if answer.as_json and costs:
        say_json(costs_json(measurement, costs))
    elif answer.as_json:
        say(measurement.text)
    elif answer.as_csv:
        say(both.to_pandas().to_csv(index=False).rstrip("\n"))
    elif answer.as_words:
        say_paragraphs("\n".join((measurement.in_words(), *map(costs_in_words, costs))))
    else:
        show(measurement_table(both))
        say(footer(both))
