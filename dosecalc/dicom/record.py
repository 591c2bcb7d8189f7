"""RT Beams and RT Ion Beams Treatment Records, and RT Treatment Summary Records."""

from __future__ import annotations

import datetime as dt
import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from dosecalc.dicom.attributes import Item, calendar_date, check_kind, top
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes
from dosecalc.plans import MOST_FRACTIONS
from dosecalc.records import BeamDelivery, FractionStatus, GroupSummary, TreatmentRecord, TreatmentSummary

_BEAMS, _ION_BEAMS = "1.2.840.10008.5.1.4.1.1.481.4", "1.2.840.10008.5.1.4.1.1.481.9"
_BRACHY, _SUMMARY = "1.2.840.10008.5.1.4.1.1.481.6", "1.2.840.10008.5.1.4.1.1.481.7"

SOP_CLASSES = {
    _BEAMS: "RT Beams Treatment Record",
    _ION_BEAMS: "RT Ion Beams Treatment Record",
    _SUMMARY: "RT Treatment Summary Record",
}

_SEQUENCES = {
    _BEAMS: ("TreatmentSessionBeamSequence", "ControlPointDeliverySequence"),
    _ION_BEAMS: ("TreatmentSessionIonBeamSequence", "IonControlPointDeliverySequence"),
}
"""Where a record has its beams, and a beam its control points."""

_TIME = re.compile(r"(\d\d)(?:(:?)(\d\d)(?:\2(\d\d)(?:\.(\d{1,6}))?)?)?")
"""HH, HHMM, HHMMSS or HHMMSS.FFFFFF, or with colons as ACR-NEMA had it."""

_LAST_SECOND = 59
"""DICOM allows a leap second, 60; Python's times do not."""


def read_record(path: Path | str) -> TreatmentRecord | TreatmentSummary:
    """A file of treatment records.

    Parameters
    ----------
    path : the file; its name and its transfer syntax do not matter

    Returns
    -------
    record of the beams of a session, photon, electron or ion, whose metersets are exactly the decimals
    of the file; or the summary of a treatment, if the file is one

    Raises
    ------
    InputError : if there is no such file, or it is not DICOM.
    DicomError : if it is no such record (brachytherapy and simulated deliveries are not read),
        inconsistent or broken.

    Examples
    --------
    >>> read_record("nowhere.dcm")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere.dcm: expected a file, found nothing of that name
    """
    name = Path(path).as_posix()
    return record_of(open_dicom(read_bytes(Path(path), name), name))


def record_of(file: DicomFile) -> TreatmentRecord | TreatmentSummary:
    """The treatment record or treatment summary of an opened file."""
    item = top(file)
    check_kind(item, "RTRECORD", SOP_CLASSES)
    sop_class = item.required_code("SOPClassUID")  # beams or a summary: nothing else tells
    if _simulated(item):
        keyword = "TreatmentRecordContentOrigin"
        raise item.error(keyword, expected="DEVICE or USER", found=item.code(keyword))
    if sop_class == _SUMMARY:
        return _summary(item, file.name)
    return TreatmentRecord(
        uid=item.required_code("SOPInstanceUID"),
        plan_uid=_plan_uid(item),
        group=item.integer("ReferencedFractionGroupNumber"),
        given=_moment(item, "TreatmentDate", "TreatmentTime"),
        date=calendar_date(item, "TreatmentDate"),
        deliveries=_deliveries(item, *_SEQUENCES[sop_class]),
        source=file.name,
    )


def why_not_read(item: Item) -> str:
    """Why an object of modality RTRECORD is of a kind that is not read; empty if it should be read."""
    sop_class = item.code("SOPClassUID")
    if sop_class == _BRACHY:
        return "brachytherapy records are not read"
    if sop_class and sop_class not in SOP_CLASSES:
        return f"treatment records of SOP class {sop_class} are not read"
    return "a simulated delivery, not a treatment" if _simulated(item) else ""


def _simulated(item: Item) -> bool:
    return item.code("TreatmentRecordContentOrigin") == "SIMULATION"


def _plan_uid(item: Item) -> str:
    references = item.items("ReferencedRTPlanSequence")
    if len(references) > 1:
        raise item.error("ReferencedRTPlanSequence", expected="one item", found=str(len(references)))
    return references[0].required_code("ReferencedSOPInstanceUID") if references else ""


def _deliveries(item: Item, keyword: str, points_keyword: str) -> tuple[BeamDelivery, ...]:
    beams = item.items(keyword)
    if not beams:
        raise item.error(keyword, expected="beams", found=item.nothing(keyword))
    return tuple(_delivery(beam, points_keyword) for beam in beams)


def _delivery(item: Item, points_keyword: str) -> BeamDelivery:
    points = item.items(points_keyword)
    return BeamDelivery(
        beam=item.required_integer("ReferencedBeamNumber"),
        fraction=_fraction_number(item, "CurrentFractionNumber"),
        kind=item.code("TreatmentDeliveryType"),
        specified=_meterset(item, "SpecifiedPrimaryMeterset"),
        delivered=_meterset(item, "DeliveredPrimaryMeterset"),
        ended=item.code("TreatmentTerminationStatus"),
        begun=_begun(points[0]) if points else None,
    )


def _meterset(item: Item, keyword: str) -> Decimal | None:
    value = item.decimal(keyword)
    if value is None:
        return None
    item.floats(keyword)  # else 1e999 passes: a decimal has it, but sums and shares would be infinite
    if value < 0:
        raise item.error(keyword, expected="0 or more", found=str(value))
    return value


def _begun(point: Item) -> dt.datetime | None:
    return _moment(point, "TreatmentControlPointDate", "TreatmentControlPointTime")


def _summary(item: Item, source: str) -> TreatmentSummary:
    return TreatmentSummary(
        uid=item.required_code("SOPInstanceUID"),
        plan_uid=_plan_uid(item),
        status=item.code("CurrentTreatmentStatus"),
        first_date=calendar_date(item, "FirstTreatmentDate"),
        last_date=calendar_date(item, "MostRecentTreatmentDate"),
        groups=tuple(_group(group) for group in item.items("FractionGroupSummarySequence")),
        source=source,
    )


def _group(item: Item) -> GroupSummary:
    return GroupSummary(
        number=item.integer("ReferencedFractionGroupNumber"),
        planned=_count(item, "NumberOfFractionsPlanned", least=0),
        delivered=_count(item, "NumberOfFractionsDelivered", least=0),
        fractions=tuple(_fraction_status(status) for status in item.items("FractionStatusSummarySequence")),
        kind=item.code("FractionGroupType"),
    )


def _fraction_status(item: Item) -> FractionStatus:
    return FractionStatus(
        fraction=_fraction_number(item, "ReferencedFractionNumber"),
        date=calendar_date(item, "TreatmentDate"),
        time=_time(item, "TreatmentTime"),
        ended=item.code("TreatmentTerminationStatus"),
    )


def _fraction_number(item: Item, keyword: str) -> int:
    number = _count(item, keyword, least=1)
    return item.required_integer(keyword) if number is None else number


def _count(item: Item, keyword: str, *, least: int) -> int | None:
    value = item.integer(keyword)
    if value is not None and not least <= value <= MOST_FRACTIONS:
        expected = f"{least} or more" if value < least else f"at most {MOST_FRACTIONS}"
        raise item.error(keyword, expected=expected, found=str(value))
    return value


def _moment(item: Item, date_keyword: str, time_keyword: str) -> dt.datetime | None:
    date, time = calendar_date(item, date_keyword), _time(item, time_keyword)
    return None if date is None or time is None else dt.datetime.combine(date, time)


def _time(item: Item, keyword: str) -> dt.time | None:
    """A time attribute; None where absent or empty. Parts that are not stated are 0."""
    text = item.code(keyword)
    if not text:
        return None
    if parts := _TIME.fullmatch(text):
        hours, minutes, seconds = (int(parts[n] or 0) for n in (1, 3, 4))
        microseconds = int((parts[5] or "").ljust(6, "0"))
        with suppress(ValueError):
            return dt.time(hours, minutes, _LAST_SECOND if seconds == 60 else seconds, microseconds)
    raise item.error(keyword, expected="a time such as 101500", found=text)
