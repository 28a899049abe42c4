"""Why a policy refuses a window or filters on a dataset's events; must not know who asks."""

from __future__ import annotations

from collections.abc import Iterator

from cleanroom.model.events import Filters, Window
from cleanroom.model.refusal import Reason
from cleanroom.policy.document import DatasetRules, Policy
from cleanroom.policy.refusals import listed, ruled


def event_reasons(
    policy: Policy, rules: DatasetRules, window: Window | None, filters: Filters
) -> Iterator[Reason]:
    """Yield why events of the dataset cannot be kept by `window` and `filters`."""
    yield from _window(policy, rules, window)
    yield from _filters(policy, rules, filters)


def _window(policy: Policy, rules: DatasetRules, window: Window | None) -> Iterator[Reason]:
    if window is not None and rules.time_column is None:
        path = f"datasets.{rules.schema.name}.time"
        words = f"{path} is not declared, so no window can be asked"
        yield ruled(policy, path, words, allowed="no window")


def _filters(policy: Policy, rules: DatasetRules, filters: Filters) -> Iterator[Reason]:
    domains = {d.name: d for d in rules.schema.filters}
    for column, values in filters:
        path = f"datasets.{rules.schema.name}.event_filters"
        if column not in domains:
            yield ruled(policy, path, f"{path} does not declare {column}", allowed=listed(domains))
            continue
        path = f"{path}.{column}"
        unknown = sum(value not in domains[column].values for value in values)
        if unknown:
            # Reasons are logged, and an asker's free text may be anybody's e-mail.
            of = f"{unknown} of the {len(values)} values asked for"
            allowed = listed(domains[column].values)
            yield ruled(policy, path, f"{path} does not include {of}", allowed=allowed)
