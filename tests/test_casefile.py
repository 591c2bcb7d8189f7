"""case.toml: what is stated is read strictly, and beside the DICOM files."""

from __future__ import annotations

import datetime as dt
import hashlib
from decimal import Decimal
from pathlib import Path

import pytest
from dicom_files import PLAN_UID, make_dose, save, save_case

from dosecalc.casefile import read_case, read_statement
from dosecalc.errors import InputError, TomlError
from dosecalc.statement import CourseStatement, EventKind, Grouping, PlanStatement, Statement

FULL = """
format_version = 1
patient_id = "P-1"

[[plans]]
uid = "1.2.3"
roles = ["low", "boost"]
target = 4
prescription_gy = "4.50"
fractions = 3
doses = ["1.2.4"]

[[plans]]
uid = "1.2.5"
ignore = "superseded"

[courses.prior]
prescription_gy = 70
fractions = 35
last_date = 2024-03-01

[courses.induction]
grouping = "separate_sessions"
dates = [2026-03-02, 2026-03-03]
delivered = 1
hours_apart = 6.0

[courses.definitive]
first_date = 2026-03-30

[courses.later]
not_planned_yet = true

[structures]
"A_Carotid_L" = "left carotid"
"A_Carotid_R" = 7

[[events]]
kind = "recurrence"
date = 2026-02-10
detail = "biopsy"
"""


def statement(folder: Path, text: str) -> Statement:
    path = folder / "case.toml"
    path.write_text(text, encoding="utf-8")
    return read_statement(path)


def test_everything(tmp_path: Path) -> None:
    found = statement(tmp_path, FULL)
    assert found.patient_id == "P-1"
    assert found.source == "case.toml"
    assert found.plan("1.2.3") == PlanStatement(
        uid="1.2.3",
        roles=("low", "boost"),
        target=4,
        prescription_gy=Decimal("4.50"),
        dose_uids=("1.2.4",),
        fractions=3,
    )
    assert found.plan("1.2.5").ignore == "superseded"
    assert found.plan("9") == PlanStatement(uid="9")
    assert found.course("prior") == CourseStatement(
        prescription_gy=Decimal(70), fractions=35, last_date=dt.date(2024, 3, 1)
    )
    assert found.course("induction") == CourseStatement(
        grouping=Grouping.SEPARATE_SESSIONS,
        dates=(dt.date(2026, 3, 2), dt.date(2026, 3, 3)),
        delivered=1,
        hours_apart=6.0,
    )
    assert found.course("definitive").first_date == dt.date(2026, 3, 30)
    assert found.course("later").not_planned_yet
    assert found.course("unknown") == CourseStatement()
    assert found.structures == {"A_Carotid_L": "left carotid", "A_Carotid_R": 7}
    (event,) = found.events
    assert (event.kind, event.date, event.detail) == (
        EventKind.RECURRENCE,
        dt.date(2026, 2, 10),
        "biopsy",
    )


def test_nothing_but_the_version(tmp_path: Path) -> None:
    found = statement(tmp_path, "format_version = 1\n")
    assert (found.plans, dict(found.courses), found.events) == ((), {}, ())


@pytest.mark.parametrize(
    ("before", "after", "where", "words"),
    [
        ("format_version = 1", "format_version = 2", "format_version", "expected 1, found 2"),
        ("format_version = 1", "", "format_version", "found nothing"),
        ("patient_id", "registration_mm = -1\npatient_id", "registration_mm", "above 0"),
        ("patient_id", "patientid", "patientid", "did you mean 'patient_id'"),
        ("patient_id = ", "patient_id = 3 #", "patient_id", "a string, found 3"),
        ('uid = "1.2.3"\n', "", "plans[1].uid", "found nothing"),
        ('uid = "1.2.5"', 'uid = "1.2.3"', "plans[1.2.3]", "twice"),
        ("roles =", "role =", "plans[1.2.3].role", "did you mean 'roles'"),
        ('["low", "boost"]', '"low"', "plans[1.2.3].roles", "a list"),
        ('["low", "boost"]', '["low", 3]', "plans[1.2.3].roles[2]", "a string, found 3"),
        ("target = 4", "target = 4.5", "plans[1.2.3].target", "a name or a number"),
        ("target = 4", "target = true", "plans[1.2.3].target", "a name or a number"),
        ('"4.50"', "4.5", "plans[1.2.3].prescription_gy", "exact decimal"),
        ('"4.50"', '"4,5"', "plans[1.2.3].prescription_gy", "exact decimal"),
        ('"4.50"', '"-4.5"', "plans[1.2.3].prescription_gy", "above 0"),
        ('"4.50"', '"0"', "plans[1.2.3].prescription_gy", "above 0"),
        ('"4.50"', '"Infinity"', "plans[1.2.3].prescription_gy", "exact decimal"),
        ("fractions = 3\n", "fractions = 0\n", "plans[1.2.3].fractions", "found 0"),
        ("fractions = 3\n", "fractions = 3.0\n", "plans[1.2.3].fractions", "whole number"),
        ("fractions = 3\n", "fractions = 1000000000\n", "plans[1.2.3].fractions", "1000000000"),
        ("fractions = 35", "fractions = 1000000000", "courses.prior.fractions", "1000000000"),
        ("fractions = 35", "fractions = -1", "courses.prior.fractions", "found -1"),
        ("prescription_gy = 70", "prescription_gy = -70", "courses.prior.prescription_gy", "above 0"),
        ("last_date = 2024-03-01", "last_date = 2024-03-01T10:00:00", "courses.prior.last_date", "a date"),
        ("last_date = 2024-03-01", 'last_date = "2024-03-01"', "courses.prior.last_date", "a date"),
        ("last_date = 2024-03-01", "last_date = 9999-03-01", "courses.prior.last_date", "9999"),
        ("last_date = 2024-03-01", "last_day = 2024-03-01", "courses.prior.last_day", "last_date"),
        ("separate_sessions", "apart", "courses.induction.grouping", "one_session, separate_sessions"),
        ("[2026-03-02, 2026-03-03]", "[2026-03-03, 2026-03-02]", "courses.induction.dates", "in order"),
        ("[2026-03-02, 2026-03-03]", "2026-03-02", "courses.induction.dates", "a list"),
        ("[2026-03-02, 2026-03-03]", "[2026-03-02, 3]", "courses.induction.dates[2]", "a date"),
        ("delivered = 1", "delivered = -1", "courses.induction.delivered", "0 or more, found -1"),
        ("delivered = 1", "delivered = true", "courses.induction.delivered", "whole number"),
        ("hours_apart = 6.0", "hours_apart = 24", "courses.induction.hours_apart", "less than 24, found 24"),
        ("hours_apart = 6.0", "hours_apart = 0", "courses.induction.hours_apart", "above 0"),
        ("separate_sessions", "one_session", "courses.induction.hours_apart", "separate_sessions"),
        ("delivered = 1", "first_date = 2026-03-02", "courses.induction.first_date", "found both"),
        ("not_planned_yet = true", "not_planned_yet = 1", "courses.later.not_planned_yet", "true or false"),
        ("first_date = 2026-03-30", "first_date = 9999-12-31", "courses.definitive.first_date", "9999"),
        ("[courses.later]", "[courses.later.x]", "courses.later.x", "unknown key"),
        ('"A_Carotid_R" = 7', '"A_Carotid_R" = [7]', "structures.A_Carotid_R", "a name or a number"),
        ("recurrence", "relapse", "events[1].kind", "complete_response"),
        ("date = 2026-02-10", "", "events[1].date", "found nothing"),
        ("detail", "details", "events[1].details", "did you mean 'detail'"),
        ("detail =", 'dose_mg = "-240"\ndetail =', "events[1].dose_mg", "above 0, found -240"),
        ("detail =", "dose_mg = 240.0\ndetail =", "events[1].dose_mg", "exact decimal"),
    ],
)
def test_errors_name_their_place(tmp_path: Path, before: str, after: str, where: str, words: str) -> None:
    assert before in FULL
    with pytest.raises(TomlError) as caught:
        statement(tmp_path, FULL.replace(before, after, 1))
    assert caught.value.where == where
    assert words in str(caught.value)
    assert str(caught.value).startswith("case.toml: ")


def test_not_planned_yet_and_numbers_contradict(tmp_path: Path) -> None:
    text = FULL.replace("not_planned_yet = true", "not_planned_yet = true\nfractions = 28")
    with pytest.raises(InputError, match="not_planned_yet"):
        statement(tmp_path, text)


@pytest.mark.parametrize(
    "content", [b"format_version", b"\xff\xfe", b"a = 1\na = 2", b"format_version = 1\x00"]
)
def test_no_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "case.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"case\.toml: expected a TOML file"):
        read_statement(path)


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a case file"):
        read_statement(tmp_path / "case.toml")
    with pytest.raises(InputError):
        read_statement(tmp_path)


class TestFolder:
    def test_without_a_case_file(self, tmp_path: Path) -> None:
        case = read_case(save_case(tmp_path))
        assert case.statement == Statement()
        assert {f.kind for f in case.inputs} == {"RTPLAN", "RTDOSE", "RTSTRUCT"}

    def test_beside_the_files(self, tmp_path: Path) -> None:
        save_case(tmp_path)
        text = f'format_version = 1\n[[plans]]\nuid = "{PLAN_UID}"\nroles = ["definitive"]\n'
        (tmp_path / "case.toml").write_text(text, encoding="utf-8")
        case = read_case(tmp_path)
        assert case.statement.plan(PLAN_UID).roles == ("definitive",)
        (entry,) = [f for f in case.inputs if f.kind == "case"]
        assert (entry.path, entry.sha256) == ("case.toml", hashlib.sha256(text.encode()).hexdigest())

    def test_elsewhere(self, tmp_path: Path) -> None:
        folder = save_case(tmp_path / "case")
        (folder / "case.toml").write_text("format_version = 77\n", encoding="utf-8")
        other = tmp_path / "other.toml"
        other.write_text("format_version = 1\n[courses.x]\nfractions = 4\n", encoding="utf-8")
        case = read_case(folder, case_file=other)
        assert case.statement.course("x").fractions == 4
        assert [f.path for f in case.inputs if f.kind == "case"] == ["other.toml"]

    def test_a_case_file_that_is_asked_for_must_be_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"none\.toml"):
            read_case(save_case(tmp_path), case_file=tmp_path / "none.toml")

    def test_patient(self, tmp_path: Path) -> None:
        save_case(tmp_path)
        other = make_dose(uid="1.2.826.0.1.22")
        other.PatientID = "P-2"
        save(other, tmp_path / "other.dcm")
        with pytest.raises(InputError, match="expected one patient, found 2"):
            read_case(tmp_path)
        (tmp_path / "case.toml").write_text('format_version = 1\npatient_id = "P-2"\n', encoding="utf-8")
        assert read_case(tmp_path).patient_id == "P-2"
        assert read_case(tmp_path, patient_id="P-1").patient_id == "P-1"
