"""RT Plan and RT Ion Plan: prescriptions as exact decimals, fraction groups, beams."""

from __future__ import annotations

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

from dosecalc.dicom import read_plan
from dosecalc.errors import DicomError, DosecalcError
from dosecalc.plans import BeamDose, Group, Plan, Prescription

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data beside the project are absent")

THE_PLAN = Plan(
    uid=make.PLAN_UID,
    label="definitive",
    groups=(
        Group(
            number=1,
            fractions=28,
            beams=(
                BeamDose(number=1, dose_gy=Decimal("1.25"), meterset=Decimal("101.5")),
                BeamDose(number=2, dose_gy=Decimal("0.75"), meterset=Decimal("102.5")),
                BeamDose(number=3, treats=False),
            ),
        ),
    ),
    prescriptions=(
        Prescription(dose_gy=Decimal("56"), roi_number=1, structure_type="VOLUME", reference_number=1),
    ),
    intent="CURATIVE",
    approval="APPROVED",
    structure_set_uid=make.STRUCTURES_UID,
    frame_uid=make.FRAME_UID,
    created="20240102090000",
)


def read(dataset: Dataset, folder: Path, **how: object) -> Plan:
    return read_plan(make.save(dataset, folder / "RP.dcm", **how))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_a_plan_is_read_whole_in_every_encoding(tmp_path: Path, syntax: str) -> None:
    path = make.save(make.make_plan(), tmp_path / "RP.dcm", syntax=syntax)
    found = read_plan(path)
    assert found == replace(THE_PLAN, source=path.as_posix())


def test_an_ion_plan_has_ion_beams(tmp_path: Path) -> None:
    dataset = make.make_plan()
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.8"
    dataset.IonBeamSequence = dataset.BeamSequence
    del dataset.BeamSequence
    assert [beam.treats for beam in read(dataset, tmp_path).groups[0].beams] == [True, True, False]


@pytest.mark.parametrize(
    ("delivery_type", "treats"),
    [("TREATMENT", True), ("CONTINUATION", True), ("", True), ("SETUP", False), ("OPEN_PORTFILM", False)],
)
def test_which_beams_treat(tmp_path: Path, delivery_type: str, treats: bool) -> None:
    dataset = make.make_plan()
    dataset.BeamSequence[0].TreatmentDeliveryType = delivery_type
    assert read(dataset, tmp_path).groups[0].beams[0].treats is treats


def test_decimals_are_those_of_the_file(tmp_path: Path) -> None:
    plan = read(make.make_plan(prescription_gy="69.960", beam_doses_gy=(" 1.10 ", "9e-1")), tmp_path)
    assert plan.prescriptions[0].dose_gy == Decimal("69.960")
    assert [beam.dose_gy for beam in plan.groups[0].beams] == [Decimal("1.10"), Decimal("0.9"), None]


@pytest.mark.parametrize("fractions", [None, "absent"])
def test_a_fraction_count_may_be_missing(tmp_path: Path, fractions: object) -> None:
    dataset = make.make_plan(fractions=None)
    if fractions == "absent":
        del dataset.FractionGroupSequence[0].NumberOfFractionsPlanned
    plan = read(dataset, tmp_path)
    assert plan.groups[0].fractions is None
    assert plan.fractions is None


def test_only_targets_with_a_dose_are_prescriptions(tmp_path: Path) -> None:
    dataset = make.make_plan()
    references = dataset.DoseReferenceSequence
    for number, (kind, dose) in enumerate(
        [("ORGAN_AT_RISK", "45"), ("TARGET", None), ("TARGET", "0"), ("TARGET", "50.4")], start=2
    ):
        reference = Dataset()
        reference.DoseReferenceNumber = number
        reference.DoseReferenceStructureType = "SITE"
        reference.DoseReferenceType = kind
        reference.DoseReferenceDescription = "Läsion"
        if dose is not None:
            reference.TargetPrescriptionDose = dose
        references.append(reference)
    found = read(dataset, tmp_path).prescriptions
    assert [(p.reference_number, p.dose_gy) for p in found] == [(1, Decimal(56)), (5, Decimal("50.4"))]
    assert found[1].roi_number is None
    assert found[1].description == "Läsion"


def test_a_weighted_beam_dose_is_no_physical_dose(tmp_path: Path) -> None:
    dataset = make.make_plan()
    dataset.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamDoseType = "EFFECTIVE"
    assert [beam.dose_gy for beam in read(dataset, tmp_path).groups[0].beams[:2]] == [None, Decimal("0.75")]


def test_related_plans(tmp_path: Path) -> None:
    dataset = make.make_plan()
    other = Dataset()
    other.ReferencedSOPClassUID, other.ReferencedSOPInstanceUID = make.RT_PLAN, "1.2.77"
    other.RTPlanRelationship = "PREDECESSOR"
    dataset.ReferencedRTPlanSequence = [other]
    assert read(dataset, tmp_path).related_uids == (("PREDECESSOR", "1.2.77"),)


@pytest.mark.parametrize(
    ("date", "time", "created"),
    [
        ("20240102", "0915", "20240102091500"),
        ("20240102", "091530.25", "20240102091530"),
        ("2024.01.02", "09:15:30", "20240102091530"),
        ("20240102", "", "20240102"),
        ("", "091530", ""),
        ("soon", "091530", ""),
    ],
)
def test_time_stamps(tmp_path: Path, date: str, time: str, created: str) -> None:
    dataset = make.make_plan()
    make.set_text(dataset, "RTPlanDate", date)
    make.set_text(dataset, "RTPlanTime", time)
    assert read(dataset, tmp_path).created == created


def _group(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda plan: setattr(plan.FractionGroupSequence[0], keyword, value)


def _beam(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda plan: setattr(plan.FractionGroupSequence[0].ReferencedBeamSequence[0], keyword, value)


def _target(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda plan: setattr(plan.DoseReferenceSequence[0], keyword, value)


def _raw_fractions(text: str) -> Callable[[Dataset], None]:
    return lambda plan: make.set_text(plan.FractionGroupSequence[0], "NumberOfFractionsPlanned", text)


def _repeat(keyword: str) -> Callable[[Dataset], None]:
    return lambda plan: plan[keyword].value.append(plan[keyword].value[0])


BAD_PLANS: list[tuple[Callable[[Dataset], None], str, str, str]] = [
    # what is wrong, attribute, expected, found
    (
        _group("NumberOfFractionsPlanned", 0),
        "FractionGroupSequence item 1, NumberOfFractionsPlanned",
        "1 or more",
        "0",
    ),
    (_group("NumberOfFractionsPlanned", -3), "NumberOfFractionsPlanned", "1 or more", "-3"),
    (_raw_fractions("28.5"), "NumberOfFractionsPlanned", "a whole number", "28.5"),
    (_raw_fractions("many"), "NumberOfFractionsPlanned", "numbers", "'many'"),
    (_raw_fractions("2_8"), "NumberOfFractionsPlanned", "numbers", "'2_8'"),
    (_raw_fractions("28\\3"), "NumberOfFractionsPlanned", "one number", "2"),
    (_group("FractionGroupNumber", None), "FractionGroupNumber", "a whole number", "an empty value"),
    (_repeat("FractionGroupSequence"), "FractionGroupSequence", "each FractionGroupNumber once", "1, 1"),
    (
        _beam("ReferencedBeamNumber", 9),
        "FractionGroupSequence item 1, ReferencedBeamSequence item 1, ReferencedBeamNumber",
        "a beam of BeamSequence: 1, 2, 3",
        "9",
    ),
    (_beam("ReferencedBeamNumber", 2), "ReferencedBeamSequence", "each beam once", "2, 2, 3"),
    (_beam("BeamDose", "-1"), "BeamDose", "0 or more", "-1"),
    (_beam("BeamMeterset", "-1"), "BeamMeterset", "0 or more", "-1"),
    (_repeat("BeamSequence"), "BeamNumber", "each number once", "1 again"),
    (_target("TargetPrescriptionDose", "-56"), "TargetPrescriptionDose", "0 or more", "-56"),
    (
        _target("DoseReferenceType", None),
        "DoseReferenceSequence item 1, DoseReferenceType",
        "a value",
        "an empty value",
    ),
    (_repeat("ReferencedStructureSetSequence"), "ReferencedStructureSetSequence", "one item", "2"),
    (lambda plan: delattr(plan, "SOPInstanceUID"), "SOPInstanceUID", "a value", "none"),
    (lambda plan: setattr(plan, "Modality", "RTDOSE"), "Modality", "RTPLAN", "RTDOSE"),
    (
        lambda plan: setattr(plan, "SOPClassUID", make.RT_DOSE),
        "SOPClassUID",
        "RT Plan",
        make.RT_DOSE,
    ),
]


@pytest.mark.parametrize(("spoil", "attribute", "expected", "found"), BAD_PLANS)
def test_a_bad_plan_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[Dataset], None], attribute: str, expected: str, found: str
) -> None:
    dataset = make.make_plan()
    spoil(dataset)
    with pytest.raises(DicomError) as caught:
        read(dataset, tmp_path)
    assert caught.value.path.endswith("RP.dcm")
    assert caught.value.attribute.endswith(attribute)
    assert expected in caught.value.expected
    assert found in caught.value.found


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_cut_plan_is_read_only_where_the_cut_cannot_be_seen(tmp_path: Path, syntax: str) -> None:
    """Between two elements of the data set nothing shows that more should follow; anywhere else it does."""
    whole = make.make_plan()
    content = make.as_bytes(whole, syntax=syntax)
    invisible = set()
    kept = Dataset()
    for element in whole:
        kept.add(element)
        if "SOPInstanceUID" in kept:
            invisible.add(len(make.as_bytes(kept, syntax=syntax)))
    path = tmp_path / "RP.dcm"
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            read_plan(path)
        except DosecalcError as error:
            assert "RP.dcm: " in str(error)
        else:
            assert length in invisible


def test_flipped_bits_raise_our_errors_only(tmp_path: Path) -> None:
    content = make.as_bytes(make.make_plan())
    path = tmp_path / "RP.dcm"
    rng = np.random.default_rng(20240104)
    for _ in range(600):
        spoilt = bytearray(content)
        for at in rng.integers(0, len(content), size=rng.integers(1, 6)):
            spoilt[at] ^= 1 << rng.integers(0, 8)
        path.write_bytes(bytes(spoilt))
        try:
            read_plan(path)
        except DosecalcError as error:
            assert "RP.dcm" in str(error)


@needs_data
def test_the_clinical_plan_is_as_its_readme_says() -> None:
    plan = read_plan(DATA / "breast" / "rtplan.dcm")
    assert plan.fractions == 7
    assert plan.prescriptions[0].dose_gy == Decimal(14)
    assert plan.approval == "UNAPPROVED"
    assert sum(beam.dose_gy or 0 for beam in plan.groups[0].beams) * 7 == Decimal(14)
