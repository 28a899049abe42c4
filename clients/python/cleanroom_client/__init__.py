"""The partner SDK of the data clean room: upload, blind, ask; identifiers never leave here.

>>> with CleanRoom.connect("acme-brand.toml") as room:  # doctest: +SKIP
...     room.upload("exposures", frame)
...     room.seal("exposures")
...     room.sales_lift(exposures="exposures", sales="sales", outcome="amount").to_pandas()
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from cleanroom_client.lazily import fetcher

# Names are fetched at first use: the blinding workers import this package too, and start in a
# tenth of a second without gRPC and pandas.
if TYPE_CHECKING:
    from cleanroom_client.accepting import Accepted, Proposed
    from cleanroom_client.aim import Assume, Wish
    from cleanroom_client.comparing import Comparison, PlannedComparison
    from cleanroom_client.consent.rules import ConsentRules
    from cleanroom_client.costs import CellCosts
    from cleanroom_client.errors import (
        CertificateUnusable,
        ClientError,
        CostUnusable,
        DeadlineExceeded,
        KeyNotReady,
        PolicyUnknown,
        ProfileInvalid,
        QuestionInvalid,
        ReceiptRefused,
        RelayBroken,
        RoomError,
        ServiceUnreachable,
        UploadStuck,
        WaitedTooLong,
    )
    from cleanroom_client.measurement import CellResult, Figure, Measurement
    from cleanroom_client.plan import Plan
    from cleanroom_client.profile import Profile
    from cleanroom_client.question import (
        Buckets,
        ContributionBound,
        MatchRate,
        Overlap,
        Ropo,
        SalesLift,
        SegmentSize,
    )
    from cleanroom_client.refusals import RefusalReason
    from cleanroom_client.room import CleanRoom
    from cleanroom_client.tables import BadInput, UploadReport
    from cleanroom_client.transport import Patience
    from cleanroom_client.values import (
        Balance,
        DatasetStatus,
        RequestSummary,
        UploadResult,
        Version,
    )

__all__ = [
    "Accepted",
    "Assume",
    "BadInput",
    "Balance",
    "Buckets",
    "CellCosts",
    "CellResult",
    "CertificateUnusable",
    "CleanRoom",
    "ClientError",
    "Comparison",
    "ConsentRules",
    "ContributionBound",
    "CostUnusable",
    "DatasetStatus",
    "DeadlineExceeded",
    "Figure",
    "KeyNotReady",
    "MatchRate",
    "Measurement",
    "Overlap",
    "Patience",
    "Plan",
    "PlannedComparison",
    "PolicyUnknown",
    "Profile",
    "ProfileInvalid",
    "Proposed",
    "QuestionInvalid",
    "ReceiptRefused",
    "RefusalReason",
    "RelayBroken",
    "RequestSummary",
    "RoomError",
    "Ropo",
    "SalesLift",
    "SegmentSize",
    "ServiceUnreachable",
    "UploadReport",
    "UploadResult",
    "UploadStuck",
    "Version",
    "WaitedTooLong",
    "Wish",
]

_HOME = MappingProxyType(
    {
        "Accepted": "accepting",
        "Assume": "aim",
        "BadInput": "tables",
        "Balance": "values",
        "Buckets": "question",
        "CellCosts": "costs",
        "CellResult": "measurement",
        "CertificateUnusable": "errors",
        "CleanRoom": "room",
        "ClientError": "errors",
        "Comparison": "comparing",
        "ConsentRules": "consent.rules",
        "ContributionBound": "question",
        "CostUnusable": "errors",
        "DatasetStatus": "values",
        "DeadlineExceeded": "errors",
        "Figure": "measurement",
        "KeyNotReady": "errors",
        "MatchRate": "question",
        "Measurement": "measurement",
        "Overlap": "question",
        "Patience": "transport",
        "Plan": "plan",
        "PlannedComparison": "comparing",
        "PolicyUnknown": "errors",
        "Profile": "profile",
        "ProfileInvalid": "errors",
        "Proposed": "accepting",
        "QuestionInvalid": "errors",
        "ReceiptRefused": "errors",
        "RelayBroken": "errors",
        "RefusalReason": "refusals",
        "RequestSummary": "values",
        "RoomError": "errors",
        "Ropo": "question",
        "SalesLift": "question",
        "SegmentSize": "question",
        "ServiceUnreachable": "errors",
        "UploadReport": "tables",
        "UploadResult": "values",
        "UploadStuck": "errors",
        "Version": "values",
        "WaitedTooLong": "errors",
        "Wish": "aim",
    }
)


__getattr__ = fetcher(__name__, _HOME)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
