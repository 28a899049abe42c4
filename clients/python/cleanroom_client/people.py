"""The part of a room that speaks of single people of this party's datasets; holds no logic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cleanroom_client.session import Session

if TYPE_CHECKING:  # pandas and Arrow take a second to load, and most commands do without
    import pandas as pd
    import pyarrow as pa

    from cleanroom_client.subject import Subject
    from cleanroom_client.withdrawing import Withdrawn


class PeopleOfDatasets:
    """Withdrawal of consent and subject access; a base of `room.CleanRoom`."""

    _session: Session

    def withdraw(
        self,
        dataset: str,
        people: pd.DataFrame | pa.Table | Path | str,
        *,
        mapping: Mapping[str, str] | None = None,
        delimiter: str | None = None,
        request_id: str | None = None,
    ) -> Withdrawn:
        """Withdraw the consent of the people whom a table names, by `person` or by match keys.

        They are in no question of the next consent epoch and later, and in no later upload unless
        they consented again after this. Durable when it returns; repeating a call that failed
        needs its `request_id`.
        """
        from cleanroom_client import withdrawing  # noqa: PLC0415 - loads Arrow

        named = withdrawing.Named(
            dataset=dataset,
            table=Path(people) if isinstance(people, str) else people,
            mapping=dict(mapping or {}),
            delimiter=delimiter or ",",
        )
        return withdrawing.withdraw(
            self._session, named, request_id or self._session.environment.new_request_id()
        )

    def subject(self, dataset: str, **names: str) -> Subject:
        """Return what sealed versions hold of one person, named by columns: `email="a@b.c"`.

        Columns are `person` and those of match keys; several are all of the same person. What is
        not sealed yet is not searched, and whether the person matched anybody is not told.
        """
        from cleanroom_client import subject  # noqa: PLC0415 - loads Arrow

        return subject.subject(self._session, dataset, names)
