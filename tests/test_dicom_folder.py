"""A folder as a case: everything is listed, nothing is guessed, and what is odd is said."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import dicom_files as make
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from dosecalc.case import Case, InputFile
from dosecalc.dicom import read_folder
from dosecalc.dicom.found import Found
from dosecalc.errors import InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data beside the project are absent")


def listed(case: Case) -> dict[str, InputFile]:
    return {file.path: file for file in case.inputs}


def other_object(modality: str, uid: str = "1.2.3.55") -> Dataset:
    dataset = make.make_plan(uid=uid)
    dataset.Modality, dataset.SOPClassUID = modality, "1.2.840.10008.5.1.4.1.1.66.1"
    return dataset


def test_a_clean_case(tmp_path: Path) -> None:
    case = read_folder(make.save_case(tmp_path))
    assert case.problems == ()
    assert [file.path for file in case.inputs] == ["RD.dcm", "RP.dcm", "RS.dcm"]
    assert [file.kind for file in case.inputs] == ["RTDOSE", "RTPLAN", "RTSTRUCT"]
    assert [file.uid for file in case.inputs] == [make.DOSE_UID, make.PLAN_UID, make.STRUCTURES_UID]
    assert all(file.used and not file.reason for file in case.inputs)
    for file in case.inputs:
        assert file.sha256 == hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest()
    (plan,), (dose,), (structures,) = case.plans, case.doses, case.structure_sets
    assert case.doses_of(plan.uid) == (dose,)
    assert case.structure_set_of(plan) is structures
    assert (plan.source, dose.source, structures.source) == ("RP.dcm", "RD.dcm", "RS.dcm")
    assert (case.patient_id, case.patient_name) == ("P-1", "Doe^Jane")


def test_any_names_below_any_folders_in_one_order(tmp_path: Path) -> None:
    make.save(make.make_structures(), tmp_path / "z" / "IM0001")
    make.save(make.make_plan(), tmp_path / "a b" / "deeper" / "ü.bin", syntax=ExplicitVRBigEndian)
    make.save(make.make_dose(), tmp_path / "m", syntax=ImplicitVRLittleEndian, preamble=False)
    make.save(make.make_dose(uid="1.2.9"), tmp_path / ".hidden")
    make.save(make.make_dose(uid="1.2.9"), tmp_path / ".cache" / "RD.dcm")
    (tmp_path / "case.toml").write_text("[case]")
    case = read_folder(str(tmp_path))
    assert [file.path for file in case.inputs] == ["a b/deeper/ü.bin", "m", "z/IM0001"]
    assert case.problems == ()


def test_only_the_case_file_of_the_folder_itself_is_passed_over(tmp_path: Path) -> None:
    make.save_case(tmp_path / "sub")
    (tmp_path / "sub" / "case.toml").write_text("[case]")
    assert listed(read_folder(tmp_path))["sub/case.toml"].reason.startswith("a case file below the folder")


def test_what_is_not_used_is_listed_with_the_reason(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    make.save(make.make_record(uid="1.2.3.2", sop_class=make.BRACHY_RECORD), tmp_path / "RT.dcm")
    make.save(other_object("RTRECORD", "1.2.3.4"), tmp_path / "RT2.dcm")
    simulated = make.make_record(uid="1.2.3.5")
    simulated.TreatmentRecordContentOrigin = "SIMULATION"
    make.save(simulated, tmp_path / "RT3.dcm")
    make.save(other_object("MR", "1.2.3.3"), tmp_path / "MR1.dcm")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").touch()
    case = read_folder(tmp_path)
    reasons = {path: (f.kind, f.used, f.reason) for path, f in listed(case).items() if not f.used}
    assert reasons == {
        "RT.dcm": ("RTRECORD", False, "brachytherapy records are not read"),
        "RT2.dcm": (
            "RTRECORD",
            False,
            "treatment records of SOP class 1.2.840.10008.5.1.4.1.1.66.1 are not read",
        ),
        "RT3.dcm": ("RTRECORD", False, "a simulated delivery, not a treatment"),
        "MR1.dcm": ("MR", False, "objects of modality MR are not needed"),
        "notes.txt": ("", False, "not a DICOM file"),
        "empty": ("", False, "an empty file"),
    }
    assert all(len(file.sha256) == 64 for file in case.inputs)
    assert case.problems == ()
    assert not any(file.lost for file in case.inputs)
    assert case.records == ()


def test_records_and_summaries_are_part_of_the_case(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    make.save(make.make_record(uid="1.2.3.1", fraction=1), tmp_path / "records" / "b")
    make.save(make.make_record(uid="1.2.3.2", fraction=2), tmp_path / "records" / "a")
    make.save(make.make_record(uid="1.2.3.3", fraction=3, sop_class=make.ION_RECORD), tmp_path / "z")
    make.save(make.make_summary(), tmp_path / "summary")
    case = read_folder(tmp_path)
    assert case.problems == ()
    assert [(r.source, r.uid, r.deliveries[0].fraction) for r in case.records] == [
        ("records/a", "1.2.3.2", 2),
        ("records/b", "1.2.3.1", 1),
        ("z", "1.2.3.3", 3),
    ]
    assert [(s.source, s.uid, s.groups[0].delivered) for s in case.summaries] == [
        ("summary", make.SUMMARY_UID, 2)
    ]
    assert {r.plan_uid for r in (*case.records, *case.summaries)} == {plan.uid for plan in case.plans}
    assert all(file.used and not file.lost for file in case.inputs)
    assert [file.kind for file in case.inputs].count("RTRECORD") == 4


def test_a_case_without_records_has_none(tmp_path: Path) -> None:
    case = read_folder(make.save_case(tmp_path))
    assert (case.records, case.summaries) == ((), ())


def test_broken_records_are_lost_and_said(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    dataset = make.make_record(uid="1.2.3.1")
    dataset.TreatmentSessionBeamSequence[1].DeliveredPrimaryMeterset = "-80"
    make.save(dataset, tmp_path / "RT1.dcm")
    classless = make.make_record(uid="1.2.3.2")
    del classless.SOPClassUID
    make.save(classless, tmp_path / "RT2.dcm")
    (tmp_path / "RT3.dcm").write_bytes(make.as_bytes(make.make_record(uid="1.2.3.3"))[:-30])
    make.save(make.make_record(uid="1.2.3.4"), tmp_path / "RT4.dcm")
    case = read_folder(tmp_path)
    assert [record.source for record in case.records] == ["RT4.dcm"]
    assert case.problems == tuple(listed(case)[f"RT{n}.dcm"].reason for n in (1, 2, 3))
    assert case.problems[:2] == (
        "RT1.dcm: TreatmentSessionBeamSequence item 2, DeliveredPrimaryMeterset: "
        "expected 0 or more, found -80",
        "RT2.dcm: SOPClassUID: expected a value, found none",
    )
    assert "found the end of the data after" in case.problems[2]
    assert [(f.path, f.used) for f in case.inputs if f.lost] == [
        ("RT1.dcm", False),
        ("RT2.dcm", False),
        ("RT3.dcm", False),
    ]


def test_a_broken_file_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    relative = make.make_dose(uid="1.2.4")
    relative.DoseUnits = "RELATIVE"
    make.save(relative, tmp_path / "bad" / "RD.dcm")
    cut = make.as_bytes(make.make_structures(uid="1.2.5"))[:700]
    (tmp_path / "cut.dcm").write_bytes(cut)
    unlinked = make.make_dose(uid="1.2.6")
    del unlinked.FrameOfReferenceUID
    make.save(unlinked, tmp_path / "unlinked.dcm")
    case = read_folder(tmp_path)
    files = listed(case)
    assert files["bad/RD.dcm"].reason == "bad/RD.dcm: DoseUnits: expected GY, found RELATIVE"
    assert (files["bad/RD.dcm"].kind, files["bad/RD.dcm"].uid) == ("RTDOSE", "1.2.4")
    assert files["cut.dcm"].reason.startswith("cut.dcm: ")
    assert "found the end of the data after" in files["cut.dcm"].reason
    assert files["unlinked.dcm"].reason == ("unlinked.dcm: FrameOfReferenceUID: expected a value, found none")
    bad = ("bad/RD.dcm", "cut.dcm", "unlinked.dcm")
    assert not any(files[path].used for path in bad)
    assert case.problems == tuple(files[path].reason for path in bad)
    assert len(case.doses) == 1


@pytest.mark.parametrize("keyword", ["DoseType", "DoseSummationType", "SOPInstanceUID"])
def test_a_case_holds_no_dose_that_does_not_say_what_it_is(tmp_path: Path, keyword: str) -> None:
    make.save(make.make_plan(), tmp_path / "RP.dcm")
    dataset = make.make_dose()
    delattr(dataset, keyword)
    make.save(dataset, tmp_path / "RD.dcm")
    case = read_folder(tmp_path)
    assert case.doses == ()
    assert f"RD.dcm: {keyword}: expected a value, found none" in case.problems


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: expected a folder, found nothing of that name"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: expected a folder, found a file"):
        read_folder(tmp_path / "file")


def test_nothing_usable_lists_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="readable RTPLAN, RTDOSE or RTSTRUCT file, found no file at all"):
        read_folder(tmp_path)
    make.save(other_object("MR"), tmp_path / "MR.dcm")
    (tmp_path / "notes.txt").write_text("hello")
    dataset = make.make_dose()
    dataset.DoseUnits = "RELATIVE"
    make.save(dataset, tmp_path / "RD.dcm")
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.as_posix()}: expected a readable RTPLAN, RTDOSE or RTSTRUCT file, "
        "found MR.dcm: objects of modality MR are not needed; "
        "RD.dcm: DoseUnits: expected GY, found RELATIVE; notes.txt: not a DICOM file"
    )
    for number in range(20):
        (tmp_path / f"x{number:02}").touch()
    with pytest.raises(InputError, match=r"; and 15 more$"):
        read_folder(tmp_path)


def test_records_alone_are_no_case(tmp_path: Path) -> None:
    make.save(make.make_record(), tmp_path / "RT.dcm")
    make.save(make.make_summary(), tmp_path / "sum.dcm")
    make.save(other_object("MR"), tmp_path / "MR.dcm")
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path.as_posix()}: expected a readable RTPLAN, RTDOSE or RTSTRUCT file, "
        "found MR.dcm: objects of modality MR are not needed; "
        "RT.dcm: a treatment record without them; sum.dcm: a treatment record without them"
    )


def two_patients(folder: Path) -> None:
    make.save_case(folder / "one")
    plan, dose = make.make_plan(uid="1.2.8"), make.make_dose(uid="1.2.9", plan_uids=("1.2.8",))
    for dataset in (plan, dose):
        dataset.PatientID, dataset.PatientName = "P-2 ", "Roe^Richard"
    make.save(plan, folder / "two" / "RP.dcm")
    make.save(dose, folder / "two" / "RD.dcm")


def test_several_patients_are_refused_unless_one_is_chosen(tmp_path: Path) -> None:
    two_patients(tmp_path)
    with pytest.raises(InputError) as caught:
        read_folder(tmp_path)
    text = str(caught.value)
    assert "PatientID: expected one patient, found 2: those of one/RD.dcm, two/RD.dcm; say whose" in text
    assert "P-1" not in text
    assert "P-2" not in text
    case = read_folder(tmp_path, patient_id="P-2")
    assert (case.patient_id, case.patient_name) == ("P-2", "Roe^Richard")
    assert [plan.uid for plan in case.plans] == ["1.2.8"]
    assert listed(case)["one/RD.dcm"].reason == "PatientID is not the one asked for"
    assert not any("one/" in problem for problem in case.problems)
    with pytest.raises(InputError, match="PatientID: expected the one asked for, found 2 others"):
        read_folder(tmp_path, patient_id="P-3")


def test_a_broken_file_of_another_patient_is_no_problem_of_this_one(tmp_path: Path) -> None:
    two_patients(tmp_path)
    dataset = make.make_dose(uid="1.2.10")
    dataset.DoseUnits = "RELATIVE"
    make.save(dataset, tmp_path / "one" / "RD2.dcm")
    problems = read_folder(tmp_path, patient_id="P-2").problems
    assert not any("RD2" in problem for problem in problems)
    assert any("RD2" in problem for problem in read_folder(tmp_path, patient_id="P-1").problems)


def test_records_are_those_of_the_one_patient(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    mine, other = make.make_record(), make.make_record(uid="1.2.3.1", plan_uid="1.2.3.2")
    other.PatientID, other.PatientName = "P-2", "Roe^Richard"
    make.save(mine, tmp_path / "RT1.dcm")
    make.save(other, tmp_path / "RT2.dcm")
    with pytest.raises(InputError, match=r"expected one patient, found 2: those of RD\.dcm, RT2\.dcm; say"):
        read_folder(tmp_path)
    case = read_folder(tmp_path, patient_id="P-1")
    assert [record.source for record in case.records] == ["RT1.dcm"]
    assert listed(case)["RT2.dcm"].reason == "PatientID is not the one asked for"
    assert case.problems == ()


def test_a_record_of_nobody_is_said(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    dataset = make.make_record()
    dataset.PatientID = ""
    make.save(dataset, tmp_path / "RT.dcm")
    case = read_folder(tmp_path)
    assert case.problems == ("RT.dcm: PatientID: expected that of the other files, found none",)
    assert len(case.records) == 1


@pytest.mark.parametrize(
    ("name", "asked", "used", "lost"),
    [
        ("Roe^Richard", "P-2", True, False),
        ("Roe^Richard", "P-1", False, False),
        ("ROE^RICHARD ", "P-2", True, False),
        ("", "P-2", False, True),
        ("Poe^Edgar", "P-2", False, True),
    ],
)
def test_a_file_without_an_id_is_of_the_patient_of_its_name_or_missing(
    tmp_path: Path, name: str, asked: str, used: bool, lost: bool
) -> None:
    two_patients(tmp_path)
    dataset = make.make_dose(uid="1.2.10", plan_uids=("1.2.8",))
    dataset.PatientID, dataset.PatientName = "", name
    make.save(dataset, tmp_path / "RD_nobody.dcm")
    case = read_folder(tmp_path, patient_id=asked)
    found = listed(case)["RD_nobody.dcm"]
    assert (found.used, found.lost) == (used, lost)
    said = "RD_nobody.dcm: PatientID: expected whose file it is, found none"
    assert (said in case.problems) is lost


@pytest.mark.parametrize("content", [b"garbage", b""])
def test_a_file_named_as_dicom_that_is_none_is_missing(tmp_path: Path, content: bytes) -> None:
    """A plan that was cut off in its preamble is no DICOM file any more, and what it held is in no sum."""
    make.save_case(tmp_path)
    (tmp_path / "RP2.DCM").write_bytes(content)
    case = read_folder(tmp_path)
    what = "not a DICOM file" if content else "an empty file"
    assert f"RP2.DCM: expected a DICOM file, found {what}" in case.problems
    assert listed(case)["RP2.DCM"].lost


def test_a_file_of_nobody_that_no_sum_needs_is_not_missing(tmp_path: Path) -> None:
    two_patients(tmp_path)
    for modality in ("MR", "CT"):
        dataset = other_object(modality, uid=f"1.2.3.{len(modality)}{modality == 'CT':d}")
        dataset.PatientID, dataset.PatientName = "", ""
        make.save(dataset, tmp_path / f"{modality}.dcm")
    case = read_folder(tmp_path, patient_id="P-2")
    assert not any("MR.dcm" in problem or "CT.dcm" in problem for problem in case.problems)
    assert listed(case)["MR.dcm"].reason == "objects of modality MR are not needed"
    assert [(listed(case)[p].used, listed(case)[p].lost) for p in ("MR.dcm", "CT.dcm")] == [
        (False, False)
    ] * 2


def test_a_file_of_nobody_is_of_the_only_patient_there_is(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    record = make.make_record()
    record.PatientID, record.PatientName = "", ""
    make.save(record, tmp_path / "RT.dcm")
    assert len(read_folder(tmp_path, patient_id="P-1").records) == 1


def test_odd_patient_attributes_are_said_without_quoting_them(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    dose, structures = make.make_dose(), make.make_structures()
    dose.PatientID = ""
    structures.PatientName = "Doe^John"
    make.save(dose, tmp_path / "RD.dcm")
    make.save(structures, tmp_path / "RS.dcm")
    case = read_folder(tmp_path)
    assert case.problems == (
        "RD.dcm: PatientID: expected that of the other files, found none",
        "RD.dcm, RP.dcm, RS.dcm: PatientName: expected one name, found 2 different ones",
    )


BORN = "19800517"
BEFORE, AFTER = "19800516", "19800518"


def born(dataset: Dataset, date: str = BORN) -> Dataset:
    make.set_text(dataset, "PatientBirthDate", date)
    return dataset


def born_case(folder: Path, date: str = BORN) -> Path:
    """A plan, a dose and a structure set of a patient with a birth date."""
    for name, dataset in (
        ("RP.dcm", make.make_plan()),
        ("RD.dcm", make.make_dose()),
        ("RS.dcm", make.make_structures()),
    ):
        make.save(born(dataset, date), folder / name)
    return folder


def given_on(date: str, uid: str = make.RECORD_UID) -> Dataset:
    return make.make_record(date=date, uid=uid)


def begun_on(date: str, *, sop_class: str = make.BEAMS_RECORD) -> Dataset:
    """A record of after the birth, of which the second beam says otherwise."""
    dataset = make.make_record(sop_class=sop_class)
    if sop_class == make.ION_RECORD:
        points = dataset.TreatmentSessionIonBeamSequence[1].IonControlPointDeliverySequence
    else:
        points = dataset.TreatmentSessionBeamSequence[1].ControlPointDeliverySequence
    points[0].TreatmentControlPointDate = date
    return dataset


def summed_up_on(date: str, *, keyword: str) -> Dataset:
    dataset = make.make_summary()
    setattr(dataset, keyword, date)
    return dataset


def with_fraction_on(date: str) -> Dataset:
    dataset = make.make_summary()
    dataset.FractionGroupSummarySequence[0].FractionStatusSummarySequence[1].TreatmentDate = date
    return dataset


EARLY_RECORDS: list[tuple[Callable[[str], Dataset], str]] = [
    (given_on, "TreatmentDate"),
    (
        begun_on,
        "TreatmentSessionBeamSequence item 2, ControlPointDeliverySequence item 1, TreatmentControlPointDate",
    ),
    (
        functools.partial(begun_on, sop_class=make.ION_RECORD),
        "TreatmentSessionIonBeamSequence item 2, IonControlPointDeliverySequence item 1, "
        "TreatmentControlPointDate",
    ),
    (functools.partial(summed_up_on, keyword="FirstTreatmentDate"), "FirstTreatmentDate"),
    (functools.partial(summed_up_on, keyword="MostRecentTreatmentDate"), "MostRecentTreatmentDate"),
    (
        with_fraction_on,
        "FractionGroupSummarySequence item 1, FractionStatusSummarySequence item 2, TreatmentDate",
    ),
]
of_every_date = pytest.mark.parametrize(("made", "attribute"), EARLY_RECORDS)


class TestBeforeTheBirthOfThePatient:
    def said(self, case: Case) -> str:
        """All that is known of a case."""
        read = (*case.records, *case.summaries, *case.plans, *case.doses)
        return repr((case.problems, case.inputs, read))

    @of_every_date
    def test_a_record_is_lost_and_said(
        self, tmp_path: Path, made: Callable[[str], Dataset], attribute: str
    ) -> None:
        make.save(born(made(BEFORE)), born_case(tmp_path) / "RT.dcm")
        case = read_folder(tmp_path)
        assert (case.records, case.summaries) == ((), ())
        sentence = (
            f"RT.dcm: {attribute}: expected a date on or after the patient's birth date, found 1980-05-16"
        )
        assert case.problems == (sentence,)
        file = listed(case)["RT.dcm"]
        assert (file.used, file.lost, file.kind, file.reason) == (False, True, "RTRECORD", sentence)
        assert BORN not in self.said(case)
        assert "1980-05-17" not in self.said(case)

    @of_every_date
    @pytest.mark.parametrize("date", [BORN, AFTER])
    def test_a_record_from_the_day_of_birth_on_is_used(
        self, tmp_path: Path, made: Callable[[str], Dataset], attribute: str, date: str
    ) -> None:
        make.save(born(made(date)), born_case(tmp_path) / "RT.dcm")
        case = read_folder(tmp_path)
        assert len((*case.records, *case.summaries)) == 1
        assert case.problems == ()

    def test_a_record_without_birth_date_is_held_against_that_of_the_others(self, tmp_path: Path) -> None:
        make.save(given_on(BEFORE), born_case(tmp_path) / "RT.dcm")
        assert listed(read_folder(tmp_path))["RT.dcm"].lost

    def test_of_several_birth_dates_the_own_one_counts_and_else_the_earliest(self, tmp_path: Path) -> None:
        born_case(tmp_path)
        records = [("", BEFORE), ("", "19741231"), (BORN, BEFORE), ("19750101", "19760101")]
        for n, (own, date) in enumerate(records):
            make.save(born(given_on(date, f"1.2.3.{n}"), own), tmp_path / f"RT{n}.dcm")
        case = read_folder(tmp_path)
        assert [r.source for r in case.records] == ["RT0.dcm", "RT3.dcm"]
        assert [f.path for f in case.inputs if f.lost] == ["RT1.dcm", "RT2.dcm"]
        assert case.problems[0] == (
            "RD.dcm, RP.dcm, RS.dcm, RT2.dcm, RT3.dcm: PatientBirthDate: expected one date, "
            "found 2 different ones"
        )
        assert BORN not in self.said(case)

    @pytest.mark.parametrize(
        ("date", "first", "day_before"),
        [
            ("1980", "19800101", "19791231"),
            ("198005", "19800501", "19800430"),
            ("19800000", "19800101", "19791231"),
            ("19800500", "19800501", "19800430"),
            ("1980.05.17", "19800517", "19800516"),
            (" 19800517 ", "19800517", "19800516"),
        ],
    )
    def test_part_of_a_birth_date_is_its_first_day(
        self, tmp_path: Path, date: str, first: str, day_before: str
    ) -> None:
        born_case(tmp_path, date)
        make.save(given_on(day_before), tmp_path / "RT1.dcm")
        make.save(given_on(first, "1.2.3.1"), tmp_path / "RT2.dcm")
        assert [r.source for r in read_folder(tmp_path).records] == ["RT2.dcm"]

    @pytest.mark.parametrize(
        "date", ["", "19000101", "unknown", "0000", "00000000", "19801399", "198", "1980-1"]
    )
    def test_where_no_birth_date_is_known_nothing_is_said(self, tmp_path: Path, date: str) -> None:
        make.save(born(given_on("19010101"), date), born_case(tmp_path, date) / "RT.dcm")
        case = read_folder(tmp_path)
        assert len(case.records) == 1
        assert case.problems == ()

    def test_files_without_the_attribute(self, tmp_path: Path) -> None:
        record = given_on("19010101")
        del record.PatientBirthDate
        make.save(record, make.save_case(tmp_path) / "RT.dcm")
        case = read_folder(tmp_path)
        assert len(case.records) == 1
        assert case.problems == ()

    def test_the_birth_date_of_another_patient_decides_nothing(self, tmp_path: Path) -> None:
        make.save_case(tmp_path)
        other = born(make.make_plan(uid="1.2.8"), "20300101")
        other.PatientID = "P-2"
        make.save(other, tmp_path / "other.dcm")
        make.save(make.make_record(), tmp_path / "RT.dcm")
        case = read_folder(tmp_path, patient_id="P-1")
        assert len(case.records) == 1
        assert case.problems == ()

    def test_what_is_printed_of_a_file_shows_no_birth_date(self) -> None:
        found = Found(file=InputFile(path="RT.dcm", sha256=""), born=dt.date(1980, 5, 17))
        assert "1980" not in repr(found)

    def test_a_plan_is_said_and_used(self, tmp_path: Path) -> None:
        plan = make.make_plan()
        plan.RTPlanDate = BEFORE
        make.save(born(plan), born_case(tmp_path) / "RP.dcm")
        case = read_folder(tmp_path)
        assert case.problems == (
            "RP.dcm: RTPlanDate: expected a date on or after the patient's birth date, found 1980-05-16",
        )
        assert len(case.plans) == 1

    @pytest.mark.parametrize("keyword", ["InstanceCreationDate", "ContentDate"])
    def test_a_dose_is_said_and_used(self, tmp_path: Path, keyword: str) -> None:
        dose = make.make_dose()
        setattr(dose, keyword, BEFORE)
        make.save(born(dose), born_case(tmp_path) / "RD.dcm")
        case = read_folder(tmp_path)
        assert case.problems[0] == (
            f"RD.dcm: {keyword}: expected a date on or after the patient's birth date, found 1980-05-16"
        )
        assert len(case.doses) == 1

    def test_what_is_no_date_is_for_the_readers(self, tmp_path: Path) -> None:
        """What they do not need refuses no file here either."""
        dose, plan, record = make.make_dose(), make.make_plan(), make.make_record()
        make.set_text(dose, "InstanceCreationDate", "once\x01")
        make.set_text(plan, "RTPlanDate", "20241399")
        make.set_text(record, "FirstTreatmentDate", "then")
        record.add_new("TreatmentSessionIonBeamSequence", "LO", "no sequence")
        born_case(tmp_path)
        for name, dataset in (("RD.dcm", dose), ("RP.dcm", plan), ("RT.dcm", record)):
            make.save(born(dataset), tmp_path / name)
        case = read_folder(tmp_path)
        assert case.problems == ()
        assert (len(case.doses), len(case.plans), len(case.records)) == (1, 1, 1)


def test_a_second_copy_is_not_used(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    (tmp_path / "copy").write_bytes((tmp_path / "RD.dcm").read_bytes())
    case = read_folder(tmp_path)
    assert len(case.doses) == 1
    assert listed(case)["copy"].reason == "the same file as RD.dcm"
    assert case.problems == ()


def test_two_contents_under_one_uid_are_both_refused(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    make.save(make.make_dose(scaling_gy="0.001"), tmp_path / "RD2.dcm")
    case = read_folder(tmp_path)
    assert case.doses == ()
    assert {file.path: file.used for file in case.inputs} == {
        "RD.dcm": False,
        "RD2.dcm": False,
        "RP.dcm": True,
        "RS.dcm": True,
    }
    assert case.problems[0] == (
        "RD.dcm, RD2.dcm: SOPInstanceUID: expected one content under one UID, "
        f"found different ones under {make.DOSE_UID}; none of these files is used"
    )


def test_a_second_copy_of_a_record_is_not_used(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    for name in ("RT1.dcm", "RT2.dcm"):
        make.save(make.make_record(), tmp_path / name)
        make.save(make.make_summary(), tmp_path / f"sum_{name}")
    case = read_folder(tmp_path)
    assert [record.source for record in case.records] == ["RT1.dcm"]
    assert [summary.source for summary in case.summaries] == ["sum_RT1.dcm"]
    copy = listed(case)["RT2.dcm"]
    assert (copy.used, copy.lost, copy.reason) == (False, False, "the same file as RT1.dcm")
    assert case.problems == ()


def test_two_records_under_one_uid_are_both_refused(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    make.save(make.make_record(fraction=1), tmp_path / "RT1.dcm")
    make.save(make.make_record(fraction=2), tmp_path / "RT2.dcm")
    make.save(make.make_record(uid="1.2.3.1", fraction=3), tmp_path / "RT3.dcm")
    case = read_folder(tmp_path)
    assert [record.source for record in case.records] == ["RT3.dcm"]
    for path in ("RT1.dcm", "RT2.dcm"):
        file = listed(case)[path]
        assert (file.used, file.lost) == (False, True)
        assert file.reason == "other content under the same SOPInstanceUID: RT1.dcm, RT2.dcm"
    assert case.problems == (
        "RT1.dcm, RT2.dcm: SOPInstanceUID: expected one content under one UID, "
        f"found different ones under {make.RECORD_UID}; none of these files is used",
    )


def test_of_two_brachytherapy_records_under_one_uid_none_is_missing(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    for fraction in (1, 2):
        dataset = make.make_record(fraction=fraction, sop_class=make.BRACHY_RECORD)
        make.save(dataset, tmp_path / f"RT{fraction}.dcm")
    case = read_folder(tmp_path)
    assert [(file.path, file.lost) for file in case.inputs if not file.used] == [
        ("RT1.dcm", False),
        ("RT2.dcm", False),
    ]


def test_a_broken_namesake_casts_doubt_on_the_good_file(tmp_path: Path) -> None:
    make.save_case(tmp_path)
    dataset = make.make_dose()
    dataset.DoseGridScaling = "0"
    make.save(dataset, tmp_path / "RD2.dcm")
    case = read_folder(tmp_path)
    assert case.doses == ()
    assert "DoseGridScaling" in listed(case)["RD2.dcm"].reason


def _plan(**how: object) -> Callable[[Path], Path]:
    return lambda folder: make.save(make.make_plan(**how), folder / "RP.dcm")  # type: ignore[arg-type]


def _dose(name: str = "RD.dcm", **how: object) -> Callable[[Path], Path]:
    return lambda folder: make.save(make.make_dose(**how), folder / name)  # type: ignore[arg-type]


def _structures(**how: object) -> Callable[[Path], Path]:
    return lambda folder: make.save(make.make_structures(**how), folder / "RS.dcm")  # type: ignore[arg-type]


def _record(**how: object) -> Callable[[Path], Path]:
    return lambda folder: make.save(make.make_record(**how), folder / "RT.dcm")  # type: ignore[arg-type]


def _summary(**how: object) -> Callable[[Path], Path]:
    return lambda folder: make.save(make.make_summary(**how), folder / "RT.dcm")  # type: ignore[arg-type]


def _old_dose(folder: Path) -> Path:
    dataset = make.make_dose()
    dataset.InstanceCreationDate = "20231231"
    return make.save(dataset, folder / "RD.dcm")


def _effective_dose(folder: Path) -> Path:
    dataset = make.make_dose()
    dataset.DoseType = "EFFECTIVE"
    return make.save(dataset, folder / "RD.dcm")


def _plan_of_two_groups(folder: Path) -> Path:
    dataset = make.make_plan()
    group = Dataset()
    group.FractionGroupNumber, group.NumberOfFractionsPlanned = 2, 5
    dataset.FractionGroupSequence.append(group)
    make.save(make.make_dose(summation="FRACTION"), folder / "RD.dcm")
    return make.save(dataset, folder / "RP.dcm")


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


ODD_LINKS: list[tuple[Callable[[Path], object], str]] = [
    (
        _dose(plan_uids=("1.9.9",)),
        "RD.dcm: ReferencedRTPlanSequence: expected a plan that is here, found 1.9.9",
    ),
    (
        _dose(plan_uids=()),
        "RD.dcm: ReferencedRTPlanSequence: expected the plan of this dose, found none",
    ),
    (
        _remove("RD.dcm"),
        "RP.dcm: SOPInstanceUID: expected a dose that refers to this plan, found none",
    ),
    (
        _plan(structures_uid="1.9.8"),
        "RP.dcm: ReferencedStructureSetSequence: expected a structure set that is here, found 1.9.8",
    ),
    (
        _remove("RS.dcm"),
        "RP.dcm: ReferencedStructureSetSequence: expected a structure set that is here, "
        f"found {make.STRUCTURES_UID}",
    ),
    (
        _dose(frame_uid="1.9.7"),
        f"RD.dcm: FrameOfReferenceUID: expected that of RS.dcm ({make.FRAME_UID}), found 1.9.7",
    ),
    (
        _structures(rois=((4, "PTV"), (6, "PTV "), (7, "x"))),
        "RS.dcm: ROIName: expected each name once, found 'PTV' for ROI Numbers 4, 6",
    ),
    (
        _structures(rois={1: "PTV"}, contours={1: [[0, 0, 0]]}),
        "ROI 1: RS.dcm: ROIContourSequence item 1, ContourSequence item 1, ContourData: "
        "expected 3 points or more in a closed contour, found 1",
    ),
    (
        _structures(rois={1: "PTV"}, contours={2: [make.square(0)]}),
        "RS.dcm: ROIContourSequence: expected ROI Numbers of StructureSetROISequence, "
        "found 2; its contours are not used",
    ),
    (
        _old_dose,
        "RD.dcm: InstanceCreationDate: expected a dose not older than its plan RP.dcm "
        "(20240102090000), found 20231231101112",
    ),
    (_effective_dose, "RD.dcm: DoseType: expected PHYSICAL, found EFFECTIVE"),
    (
        _dose(summation="FRACTION", group_number=3),
        "RD.dcm: ReferencedRTPlanSequence: expected a group of RP.dcm (1), found 3",
    ),
    (
        _plan_of_two_groups,
        "RD.dcm: ReferencedRTPlanSequence: expected one of the fraction groups 1, 2, found no group named",
    ),
    (
        _dose(summation="BEAM", beam_numbers=(1, 8)),
        "RD.dcm: ReferencedRTPlanSequence: expected beams of RP.dcm (1, 2, 3), found 8",
    ),
    (
        _record(plan_uid="1.9.6"),
        "RT.dcm: ReferencedRTPlanSequence: expected a plan that is here, found 1.9.6",
    ),
    (
        _record(plan_uid=""),
        "RT.dcm: ReferencedRTPlanSequence: expected the plan of this record, found none",
    ),
    (
        _summary(plan_uid="1.9.6"),
        "RT.dcm: ReferencedRTPlanSequence: expected a plan that is here, found 1.9.6",
    ),
    (
        _summary(plan_uid=""),
        "RT.dcm: ReferencedRTPlanSequence: expected the plan of this record, found none",
    ),
    (
        _dose(name="RD2.dcm", uid="1.2.99"),
        "RP.dcm: expected one dose of the whole plan (DoseSummationType PLAN), found RD.dcm, RD2.dcm",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), ODD_LINKS)
def test_odd_links_are_said(tmp_path: Path, change: Callable[[Path], object], sentence: str) -> None:
    make.save_case(tmp_path)
    change(tmp_path)
    assert sentence in read_folder(tmp_path).problems


def test_a_plan_without_structure_set_is_said(tmp_path: Path) -> None:
    dataset = make.make_plan()
    del dataset.ReferencedStructureSetSequence
    make.save(dataset, tmp_path / "RP.dcm")
    problems = read_folder(tmp_path).problems
    assert (
        "RP.dcm: ReferencedStructureSetSequence: expected the structure set of this plan, found none"
    ) in problems


def test_no_problem_names_the_patient(tmp_path: Path) -> None:
    for number, (change, _) in enumerate(ODD_LINKS):
        folder = make.save_case(tmp_path / str(number))
        change(folder)
        case = read_folder(folder)
        said = "\n".join((*case.problems, *(file.reason for file in case.inputs)))
        assert "Doe" not in said
        assert "P-1" not in said


@pytest.mark.skipif(os.name != "posix", reason="symbolic links and named pipes are those of POSIX")
def test_links_and_pipes_are_listed_not_followed(tmp_path: Path) -> None:
    make.save_case(tmp_path / "here")
    make.save_case(tmp_path / "elsewhere")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "here" / "pipe")
    case = read_folder(tmp_path / "here")
    assert case.problems == (
        "link: expected a folder, found a link to one (not followed)",
        "gone: expected a file, found nothing of that name",
        "pipe: expected a file, found something else",
    )


def test_a_folder_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.save_case(tmp_path)
    (tmp_path / "locked").mkdir()
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert read_folder(tmp_path).problems == ("locked: expected a readable folder, found Permission denied",)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.save_case(tmp_path)
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "RD.dcm":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "RD.dcm: expected a readable file, found Permission denied" in read_folder(tmp_path).problems


@needs_data
def test_the_clinical_case() -> None:
    case = read_folder(DATA / "breast")
    assert case.problems == ()
    assert [file.kind for file in case.inputs] == ["RTDOSE", "RTPLAN", "RTSTRUCT"]
    (plan,) = case.plans
    assert case.structure_set_of(plan) is case.structure_sets[0]
    assert case.doses_of(plan.uid) == case.doses


@needs_data
def test_reference_doses_that_share_a_uid_are_refused() -> None:
    """Both gradients of each published grid bear one SOP Instance UID: nothing tells which is meant."""
    case = read_folder(DATA / "nelms2015")
    assert case.doses == ()
    assert len(case.structure_sets) == 8
    assert sum("expected one content under one UID" in problem for problem in case.problems) == 3
