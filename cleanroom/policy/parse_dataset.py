"""Reads one dataset's block of a policy; must not know the other datasets or the parties."""

from __future__ import annotations

from cleanroom.model.allowance import MinimumAggregation
from cleanroom.model.dataset import Bounded, DatasetSchema, Domain, KeyType, Unit
from cleanroom.model.lift import OUTCOMES
from cleanroom.model.question import Family
from cleanroom.policy.document import ArmColumn, DatasetRules
from cleanroom.policy.fields import Field
from cleanroom.policy.parse_limits import breakdowns, by_family, limits
from cleanroom.policy.rules import PrivacyRule

# A row's columns of keys are named as their types, the pre-hashed forms included.
_KEY_COLUMNS = frozenset({*KeyType, "email_sha256", "phone_sha256"})


def dataset(name: str, field: Field, match_keys: tuple[KeyType, ...]) -> DatasetRules:
    """Return the rules of the dataset called `name`; `match_keys` are the collaboration's.

    Notes problems in `field` and goes on with stand-ins.
    """
    keys = field.table()
    arm, time_column = _arm(keys["arm"]), _time(keys["time"])
    columns = _Columns(arm, time_column, keys)
    minimum, people = _minimum(keys["minimum_aggregation"])
    schema = DatasetSchema(
        name=name,
        owner=keys["owner"].label(),
        keys=match_keys,
        dimensions=_domains(keys["dimensions"], columns),
        has_arm=arm is not None,
        counts=_bounded(keys["counts"], columns),
        measures=_bounded(keys["measures"], columns),
        filters=_domains(keys["event_filters"], columns),
        timed=time_column is not None,
    )
    return DatasetRules(
        schema=schema,
        arm=arm,
        time_column=time_column,
        minimum=minimum,
        people_by_family=people,
        privacy=_privacy(keys["privacy"]),
        consent=_consent(keys["consent"]),
        breakdowns=breakdowns(keys["breakdowns"], schema),
        limits=limits(keys["limits"]),
    )


class _Columns:
    """The columns of one dataset seen so far, each declared once."""

    def __init__(
        self, arm: ArmColumn | None, time_column: str | None, keys: dict[str, Field]
    ) -> None:
        self._seen: dict[str, str] = {}
        if arm:
            self.admit(arm.column, keys["arm"])
        if time_column:
            self.admit(time_column, keys["time"])

    def admit(self, name: str, field: Field) -> bool:
        """Note a name that is taken; return whether it was free."""
        if (
            name in _KEY_COLUMNS or name in OUTCOMES
        ):  # words of every lift, so no measure may have the name
            what = "the column of a match key" if name in _KEY_COLUMNS else "an outcome of its own"
            self._clash(name, field, what)
        elif name in self._seen:
            self._clash(name, field, f"already {self._seen[name]}")
        else:
            self._seen[name] = field.path
            return True
        return False

    @staticmethod
    def _clash(name: str, field: Field, what: str) -> None:
        message = f"found the column {name!r}, which is {what}: write another name"
        field.problems.add(field.mark, field.path, message)


def _arm(field: Field) -> ArmColumn | None:
    if not field.present:
        return None
    keys = field.table()
    test, control = keys["test"].value(), keys["control"].value()
    if test and test == control:
        keys["control"].bad(f"found {test!r} for both arms: write two different values")
    if test == control:
        test, control = "test", "control"
    return ArmColumn(column=keys["column"].column(), test=test, control=control)


def _time(field: Field) -> str | None:
    if not field.present:
        return None
    return field.table()["column"].column()


def _domains(field: Field, columns: _Columns) -> tuple[Domain, ...]:
    if not field.present:
        return ()
    found = []
    for column, entry in field.named():
        values = entry.values()
        if columns.admit(column, entry):
            found.append(Domain(name=column, values=values))
    return tuple(found)


def _bounded(field: Field, columns: _Columns) -> tuple[Bounded, ...]:
    if not field.present:
        return ()
    found = []
    for column, entry in field.named():
        keys = entry.table()
        unit = keys["unit"].choice(Unit) if keys["unit"].present else Unit.COUNT
        bound = keys["max_per_person"].integer()
        if columns.admit(column, entry):
            found.append(
                Bounded(
                    name=column, unit=unit, max_per_person=bound, min_per_person=_low(keys, unit)
                )
            )
    return tuple(found)


def _low(keys: dict[str, Field], unit: Unit) -> int:
    field = keys.get("min_per_person")
    if field is None or not field.present:
        return 0
    if unit is Unit.ROWS:
        field.expect("no min_per_person for a measure in rows, which nothing is taken from")
        return 0
    return field.integer()


def _minimum(field: Field) -> tuple[MinimumAggregation | None, dict[Family, int]]:
    if not field.present:
        return None, {}
    keys = field.table()
    minimum = MinimumAggregation(
        people=keys["people"].integer(),
        miss_probability=keys["miss_probability"].exact(),
    )
    # A family may only be held to more: less would be no minimum at all.
    people = by_family(keys["families"], lambda f: f.integer(at_least=minimum.people))
    return minimum, people


def _privacy(field: Field) -> PrivacyRule | None:
    if not field.present:
        return None
    keys = field.table()
    for name in ("definition", "renew"):
        keys[name].word()
    epsilon, per_question = keys["epsilon"].exact(), keys["per_question"].exact()
    if per_question > epsilon:
        keys["per_question"].expect("at most epsilon, the whole budget")
    return PrivacyRule(
        pool=keys["pool"].label(),
        epsilon=epsilon,
        delta=keys["delta"].exact(),
        per_question=min(per_question, epsilon),
    )


def _consent(field: Field) -> dict[Family, tuple[str, ...]]:
    return by_family(field, Field.words)
