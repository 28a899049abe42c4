"""Purchases after contacts in plain words; knows no service.

Neither definition says what the contacts caused, so no word here does.
"""

from __future__ import annotations

from cleanroom_client.measurement import CellResult, Measurement
from cleanroom_client.spoken import said, said_interval

CONVERSION = "conversion"


def ropo_headline(measurement: Measurement) -> str:
    """Return what was asked."""
    days = f"within {measurement.question['days']} days"
    if measurement.question["definition"] == CONVERSION:
        return f"How many people with a contact online purchased {days}"
    measure = str(measurement.question["measure"]).replace("_", " ")
    return f"How much of {measure} followed a contact online {days}"


def ropo_in_words(measurement: Measurement, cell: CellResult) -> str:
    """Return one sentence on a cell that is not suppressed."""
    if measurement.question["definition"] == CONVERSION:
        share, part, whole = (
            cell.figure(name) for name in ("ropo_conversion", "converted", "contacted")
        )
        found = f"about {said(part)} of {said(whole)} people with a contact purchased"
    else:
        share, part, whole = (
            cell.figure(name) for name in ("ropo_share_of_sales", "purchases_preceded", "purchases")
        )
        found = f"about {said(part)} of {said(whole)} followed a contact"
    if share.value is None:
        return f"{found}; no share is given, because {share.undefined}."
    return f"{found}: {said(share)} ({said_interval(share)})."
