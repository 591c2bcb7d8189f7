"""When the patient was born, and the dates of a file that cannot lie before it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import suppress

from dosecalc.dicom.attributes import Item, calendar_date
from dosecalc.errors import DicomError

_PARTIAL = re.compile(r"(\d{4})(\.?)(?:(\d\d)(?:\2(\d\d))?)?")
"""YYYYMMDD, with dots as ACR-NEMA had it, or without its end."""

_BEAMS = {
    "TreatmentSessionBeamSequence": "ControlPointDeliverySequence",
    "TreatmentSessionIonBeamSequence": "IonControlPointDeliverySequence",
}


def birth_date(item: Item) -> dt.date | None:
    """The first day on which the patient may have been born; None where none is stated.

    Nothing here is an error, and no message repeats what was found. Files come without a birth date, with
    an invented one or, made anonymous, with a year alone: ``1960``, ``19600000`` or ``19600101``.
    """
    with suppress(DicomError, ValueError):
        if parts := _PARTIAL.fullmatch(item.code("PatientBirthDate")):
            year, month, day = (int(parts[n] or 0) for n in (1, 3, 4))
            return dt.date(year, month or 1, day or 1)
    return None


def dates_of(item: Item, kind: str) -> tuple[tuple[str, dt.date], ...]:
    """When a plan or a dose was made or a treatment given, each date with its attribute.

    Leaves out what is no date: where one is needed, the reader of the file refuses it.
    """
    found = []
    for where, keyword in _dated(item, kind):
        with suppress(DicomError):
            if (date := calendar_date(where, keyword)) is not None:
                found.append((where.attribute(keyword), date))
    return tuple(found)


def _dated(item: Item, kind: str) -> Iterator[tuple[Item, str]]:
    """Where dates may be."""
    match kind:
        case "RTPLAN":
            yield item, "RTPlanDate"
        case "RTDOSE":
            yield from ((item, keyword) for keyword in ("InstanceCreationDate", "ContentDate"))
        case "RTRECORD":
            for keyword in ("TreatmentDate", "FirstTreatmentDate", "MostRecentTreatmentDate"):
                yield item, keyword
            for beams, points in _BEAMS.items():
                for beam in _items(item, beams):
                    yield from ((point, "TreatmentControlPointDate") for point in _items(beam, points)[:1])
            for group in _items(item, "FractionGroupSummarySequence"):
                yield from ((f, "TreatmentDate") for f in _items(group, "FractionStatusSummarySequence"))


def _items(item: Item, keyword: str) -> tuple[Item, ...]:
    with suppress(DicomError):
        return item.items(keyword)
    return ()
