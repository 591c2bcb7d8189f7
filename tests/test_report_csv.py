"""CSV of a check: what the JSON says, cell by cell, and nothing that a spreadsheet would take for more."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import Changed, judged, make_case

from dosecalc import cli_files
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.report.check_csv import doses_csv, findings_csv
from dosecalc.report.csv_text import ENCODING, csv_text
from dosecalc.results import CheckResult, DoseRow, Metrics, StructureDoses
from dosecalc.rules import Level

Rows = list[dict[str, str]]
OPEN = Interval(value=2.5, low=2.5, high=math.inf)
NOTHING = Interval(value=0.0, low=0.0, high=math.inf)
EXACT = Interval.exactly(0.0)
STATES = {"rows": "as it stands", "delivered": "given so far", "planned": "as planned"}
QUANTITIES = {"per_session": "per session", "physical": "physical", "bed": "BED", "eqd2": "EQD2"}
METRICS = {"min_gy": "min", "mean_gy": "mean", "near_max_gy": "near max", "max_gy": "max"}


def read(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def csv_differences(result: dict[str, Any], findings: bytes, doses: bytes) -> list[str]:
    """Where the two files differ from the JSON of the same check."""
    wrong = []
    rows, said = read(findings), [*result["findings"], *result["shown"]]
    if len(rows) != len(said):
        return [f"{len(rows)} rows of {len(said)} findings"]
    for row, finding in zip(rows, said, strict=True):
        is_open = finding["low"] is not None and finding["high"] is None
        for key, expected in {
            "rule": finding["rule"],
            "outcome": finding["outcome"],
            "level": finding["level"],
            "measured": None if is_open else finding["measured"],
            "low": finding["low"],
            "high": finding["high"],
            "limit": finding["limit"],
            "due": finding["due"],
            "lower bound": "yes" if is_open else "no",
        }.items():
            text = "" if expected is None else str(expected)
            if row[key] != text:
                wrong.append(f"{finding['rule']}: {key}: expected {text!r}, found {row[key]!r}")
    if [r["judged"] for r in rows].count("yes") != len(result["findings"]):
        wrong.append("which findings are judged")
    return [*wrong, *_dose_differences(result, read(doses))]


def _dose_differences(result: dict[str, Any], rows: Rows) -> Iterator[str]:
    found = {(r["structure"], r["ROI Number"], r["state"], r["course"]): r for r in rows}
    compared = 0
    for structure in result["structures"]:
        for key, state in STATES.items():
            for course in structure[key]:
                number = str(structure["roi_number"])
                row = found[structure["name"], number, state, course["course"]]
                compared += 1
                yield from _metric_differences(course, row)
    if compared != sum(1 for r in rows if r["state"]) or len(found) != len(rows):
        yield f"{len(rows)} rows of doses, {compared} expected"


def _metric_differences(course: dict[str, Any], row: dict[str, str]) -> Iterator[str]:
    for quantity, in_header in QUANTITIES.items():
        for metric, words in METRICS.items():
            value = course[quantity][metric] if course[quantity] else dict.fromkeys(("value", "low", "high"))
            is_open = value["low"] is not None and value["high"] is None
            for end, expected in {
                "": None if is_open else value["value"],
                " low": value["low"],
                " high": value["high"],
            }.items():
                cell = row[f"{words} {in_header}{end} [Gy]"]
                if cell != ("" if expected is None else repr(expected)):
                    yield f"{row['structure']}: {words} {in_header}{end}: expected {expected}, found {cell}"
            if is_open and row["lower bounds"] != "yes":
                yield f"{row['structure']}: bounds that are not said to be such"


def finding(**fields: Any) -> Finding:
    given = {"rule": "R1", "title": "t", "level": Level.REQUIRED, "outcome": Outcome.PASS, "message": "m"}
    return Finding(**{**given, **fields})


def structure(name: str, *rows: DoseRow, **fields: Any) -> StructureDoses:
    given: dict[str, Any] = dict.fromkeys(("volume_cm3", "covered_cm3", "alpha_beta_gy"))
    given |= {"roi_name": name, "roi_number": 1, "structure_set_uid": "1.2", "rows": rows}
    return StructureDoses(name=name, **{**given, **fields})


def row(interval: Interval | None, **fields: Any) -> DoseRow:
    metrics = None
    if interval is not None:
        metrics = Metrics(min_gy=interval, mean_gy=interval, near_max_gy=interval, max_gy=interval)
    given: dict[str, Any] = dict.fromkeys(("per_session", "bed", "eqd2"))
    return DoseRow(**{"course": "total", "sessions": 3, **given, "physical": metrics, **fields})


def result(*findings: Finding, structures: tuple[StructureDoses, ...] = ()) -> CheckResult:
    return CheckResult(outcome=Outcome.PASS, provenance={}, findings=findings, structures=structures)


class TestWriter:
    @pytest.mark.parametrize(
        "text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", " =1", '=HYPERLINK("http://x","y")', "\u202e=1"]
    )
    def test_text_is_never_a_formula(self, text: str) -> None:
        (found,) = csv.reader(io.StringIO(csv_text(["a"], [{"a": text}]).split("\n", 1)[1]))
        assert found[0][0] == "'"
        assert found[0][1:] == text.replace("\u202e", "").strip()

    def test_nor_is_a_part_of_it_for_programs_that_separate_with_semicolons(self) -> None:
        text = csv_text(["a"], [{"a": "x; =1+1;-2;+3; @y; safe;2"}])
        assert text == "a\nx;' =1+1;'-2;'+3;' @y; safe;2\n"
        text = csv_text(["a"], [{"a": 'x;"=1+1;"'}])
        assert not any(
            cell.startswith("=") for row in csv.reader(text.splitlines(), delimiter=";") for cell in row
        )
        assert csv_text(["a"], [{"a": "="}]) == "a\n=\n"
        for cell in text.split("\n")[1].split(";"):
            assert not cell.strip().startswith(("=", "+", "-", "@"))

    def test_numbers_are_as_they_are(self) -> None:
        cells = {"a": -1.5, "b": 2, "c": True, "d": False, "e": None, "f": 1e-07, "g": 0.1 + 0.2}
        assert (
            csv_text(list(cells), [cells]) == f"{','.join(cells)}\n-1.5,2,yes,no,,1e-07,0.30000000000000004\n"
        )

    def test_quotes(self) -> None:
        text = csv_text(["a", "b"], [{"a": 'say "no", twice', "b": "two\nlines"}])
        assert text.split("\n")[1] == '"say ""no"", twice",two lines'


class TestCheck:
    def test_header_has_units(self) -> None:
        header = doses_csv(result()).rstrip("\n").split(",")
        assert len(header) == len(set(header)) == 12 + 4 * 4 * 3 + 1
        assert "near max EQD2 low [Gy]" in header
        assert all(h.endswith(" [Gy]") for h in header if h.split()[0] in {"min", "mean", "near", "max"})
        assert {"volume [cm3]", "covered [cm3]", "a/b [Gy]"} <= set(header)
        assert findings_csv(result()).startswith("judged,rule,title,level,outcome,")

    def test_a_bound_is_no_value(self) -> None:
        band = Band(value=2.5)
        (found,) = read(findings_csv(result(finding(band=band, deciding=OPEN, limit=3.0))).encode())
        assert (found["measured"], found["low"], found["high"]) == ("", "2.5", "")
        assert (found["lower bound"], found["limit"]) == ("yes", "3.0")
        (cells,) = read(doses_csv(result(structures=(structure("a", row(OPEN)),))).encode())
        names = ("mean physical [Gy]", "mean physical low [Gy]", "mean physical high [Gy]", "lower bounds")
        assert [cells[n] for n in names] == ["", "2.5", "", "yes"]
        assert {v for k, v in cells.items() if "EQD2" in k or "BED" in k} == {""}

    def test_nothing_known_is_never_0(self) -> None:
        band = Band(value=0.0)
        (found,) = read(findings_csv(result(finding(band=band, deciding=NOTHING))).encode())
        assert (found["measured"], found["low"], found["high"]) == ("", "", "")
        structures = (structure("a", row(NOTHING)), structure("b", row(None)), structure("c", problem="torn"))
        rows = read(doses_csv(result(structures=structures)).encode())
        assert [r["problem"] for r in rows] == ["", "", "torn"]
        assert {v for r in rows for k, v in r.items() if k.startswith(("min", "mean", "near", "max"))} == {""}

    def test_a_dose_of_0_is_one(self) -> None:
        (cells,) = read(doses_csv(result(structures=(structure("a", row(EXACT)),))).encode())
        assert (cells["max physical [Gy]"], cells["max physical low [Gy]"]) == ("0.0", "0.0")
        assert cells["lower bounds"] == "no"

    def test_names_of_files_are_harmless(self) -> None:
        name = '=HYPERLINK("http://x","y")'
        rows = read(doses_csv(result(structures=(structure(name, row(EXACT)),))).encode())
        assert rows[0]["structure"] == rows[0]["ROI name"] == f"'{name}"
        (found,) = read(findings_csv(result(finding(structure="+1\x1b[31m", message="-1"))).encode())
        assert (found["structure"], found["message"]) == ("'+1 [31m", "'-1")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[CheckResult, Path, Path]:
    """A check with a failure and with dose that is missing, as the command writes it."""
    case = make_case(change={"boost": Changed(cut_x_mm=(-25, 50)), "low": Changed(left_gy=2.5)})
    found = judged(case, cells=50)
    odd = replace(found.structures[0], roi_name="Kopf\u00f6del, =1")
    found = replace(found, structures=(odd, *found.structures[1:]))
    folder = tmp_path_factory.mktemp("csv")
    paths = folder / "findings.csv", folder / "doses.csv"
    for path, text in zip(paths, (findings_csv(found), doses_csv(found)), strict=True):
        cli_files.write(path, text, encoding=ENCODING)
    return found, *paths


class TestFiles:
    def test_say_what_the_json_says(self, written: tuple[CheckResult, Path, Path]) -> None:
        found, findings, doses = written
        assert csv_differences(json.loads(found.to_json()), findings.read_bytes(), doses.read_bytes()) == []

    def test_a_difference_would_be_noticed(self, written: tuple[CheckResult, Path, Path]) -> None:
        found, findings, doses = written
        for change in (
            lambda d: d["findings"][0].update(outcome="UNCERTAIN"),
            lambda d: d["structures"][2]["rows"][-2]["physical"]["mean_gy"].update(low=1.0),
            lambda d: d["structures"].pop(),
            lambda d: d["findings"].pop(),
        ):
            data = json.loads(found.to_json())
            change(data)
            assert csv_differences(data, findings.read_bytes(), doses.read_bytes())

    def test_begin_with_a_byte_order_mark(self, written: tuple[CheckResult, Path, Path]) -> None:
        for path in written[1:]:
            data = path.read_bytes()
            assert data.startswith(b"\xef\xbb\xbf")
            assert b"\r" not in data
            assert data.count(b"\xef\xbb\xbf") == 1

    def test_pandas(self, written: tuple[CheckResult, Path, Path]) -> None:
        pandas = pytest.importorskip("pandas", reason="pandas is not installed")
        found, findings, doses = written
        for path, frame in ((findings, found.findings_dataframe()), (doses, found.doses_dataframe())):
            table = pandas.read_csv(path, keep_default_na=False, na_values=dict.fromkeys(frame.columns, ""))
            assert list(table.columns) == list(frame.columns)
            for name in frame.columns:
                if frame[name].dtype == "float64":
                    pandas.testing.assert_series_equal(table[name].astype(float), frame[name], rtol=1e-14)
        assert "Kopf\u00f6del, =1" in set(table["ROI name"])
