"""All repositories over one connection; must not know how the connection begins or commits."""

from __future__ import annotations

from sqlalchemy import Connection

from cleanroom.storage.collaborations import SqlCollaborations
from cleanroom.storage.ledgers import SqlLedgers
from cleanroom.storage.log import SqlLog
from cleanroom.storage.questions import SqlQuestions
from cleanroom.storage.relay import SqlRelay
from cleanroom.storage.uploads import SqlUploads
from cleanroom.storage.versions import SqlVersions
from cleanroom.storage.withdrawals import SqlWithdrawals


class SqlTransaction:
    """The `Transaction` port over an open connection."""

    __slots__ = (
        "collaborations",
        "ledgers",
        "log",
        "questions",
        "relay",
        "uploads",
        "versions",
        "withdrawals",
    )

    def __init__(self, connection: Connection) -> None:
        self.collaborations = SqlCollaborations(connection)
        self.uploads = SqlUploads(connection)
        self.relay = SqlRelay(connection)
        self.versions = SqlVersions(connection)
        self.withdrawals = SqlWithdrawals(connection)
        self.ledgers = SqlLedgers(connection)
        self.questions = SqlQuestions(connection)
        self.log = SqlLog(connection)
