"""Records in scripts and notebooks: one line, a short text, a data frame, and HTML that is harmless."""

from __future__ import annotations

import functools
import importlib
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from cases import LEFT, Changed, cumulative, judged, make_case, redefine
from test_ledger_view import broken_off, view
from test_report import assert_clean
from test_report_csv import EXACT, NOTHING, OPEN, finding, read, result, row, structure
from test_visits import begun, definitive, induction

import dosecalc
from dosecalc import Allowance, Allowances, CheckResult, Curve, Eqd2, Outcome, remaining
from dosecalc.errors import DosecalcError
from dosecalc.intervals import Band, Interval
from dosecalc.notebook import html_table
from dosecalc.report.ledger_files import ledger_csv
from dosecalc.rules import Level
from dosecalc.sampling import Settings

ODD = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "a\nb\x1b[31mred",
    "\u202eright to left",
    "\ud800",
    "x" * 10_000,
]
AA = 4.5
"""What WCAG 2.2 (1.4.3) asks of the contrast of text."""
HALF = Curve.from_cells([10.0, float("nan")], [3.0, 1.0])
UNKNOWN = Curve.from_cells([float("nan")], [1.0])


@functools.cache
def checked() -> CheckResult:
    return judged(make_case(), cells=30)


@functools.cache
def left() -> Allowances:
    return remaining(make_case(), cumulative("Dmax <= 60 Gy"), settings=Settings(cells=30))


def allowance(**fields: Any) -> Allowance:
    given = {"rule": "R40.x", "structure": LEFT, "metric": "Dmax EQD2(3)", "limit": 60.0, "unit": "Gy"}
    return Allowance(**{**given, **fields})


def records(name: str = "A_Carotid_L") -> list[Any]:
    """One of each record, with a name from a file wherever there is one."""
    found = finding(
        structure=name, plan=name, message=name, title=name, outcome=Outcome.FAIL, band=Band(value=3.2)
    )
    doses = structure(name, row(OPEN, incomplete=(name,)), row(NOTHING, course=name), notes=(name,))
    whole = replace(
        result(found, structures=(doses,)), assumptions=(f"WARNING: {name}",), outcome=Outcome.FAIL
    )
    left = allowance(structure=name, plan=name, problem=name, available=1.0, fractions=2)
    return [
        found,
        doses,
        whole,
        left,
        Allowances((left,)),
        view(broken_off(), notes=[f"WARNING: {name}"]),
        HALF,
    ]


class Parsed(HTMLParser):
    """Tags, attributes and text of HTML; tags must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.styles: list[str] = []
        self.attributes: set[str] = set()
        self.said = ""
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles += [value or "" for name, value in attrs if name == "style"]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += f" {data}"


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


class TestHtml:
    @pytest.mark.parametrize("odd", ODD)
    def test_names_are_no_markup(self, odd: str) -> None:
        for record in records(odd):
            text = record._repr_html_()
            found = Parsed(text)
            assert set(found.tags) <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
            assert found.attributes <= {"style", "scope"}
            assert_clean(text)
            assert len(text) < 20_000

    def test_can_be_read_in_a_light_and_in_a_dark_notebook(self) -> None:
        assert contrast("#000000", "#ffffff") == pytest.approx(21)
        assert contrast("#777777", "#ffffff") < AA
        for record in records():
            styles = Parsed(record._repr_html_()).styles
            inks = set(re.findall(r"(?<!-)color:(#\w{6})", ";".join(styles)))
            papers = set(re.findall(r"background:(#\w{6})", ";".join(styles)))
            assert inks
            assert papers
            assert min(contrast(i, p) for i in inks for p in papers) >= AA
            assert all("color:" in s for s in styles if "background:" in s)

    def test_loads_nothing(self) -> None:
        for record in records():
            assert not re.search(r"https?:|url\(|@import|<style|src=", record._repr_html_())

    def test_an_empty_table_says_so(self) -> None:
        assert "nothing says what is left" in Allowances()._repr_html_()
        assert "<thead>" not in html_table("t", ["a"], [])

    def test_patient_is_nowhere(self) -> None:
        found, book = checked(), dosecalc.ledger_view(make_case(), redefine())
        for each in (found, *found.structures, *found.findings, left(), book):
            shown = f"{each!r}{each}{each._repr_html_()}{each.to_json()}"
            assert "SECRET" not in shown.upper()


class TestText:
    @pytest.mark.parametrize("odd", ODD)
    def test_names_stay_on_their_line(self, odd: str) -> None:
        for record in records(odd):
            assert "\n" not in repr(record)
            assert_clean(repr(record))
            assert len(repr(record)) < 600
            assert_clean(str(record))

    def test_a_result_says_its_outcome_first_and_then_what_is_not_met(self) -> None:
        found = judged(make_case(change={"boost": Changed(left_gy=2.5)}, no_dose=("definitive",)), cells=30)
        lines = str(found).splitlines()
        assert lines[0] == "FAIL - at least one required rule FAILS"
        said = {f"{f.outcome.value} {f.about}" for f in found.not_passed}
        assert said
        assert all(any(line.strip().startswith(s) for line in lines) for s in said)
        assert not any(line.strip().startswith(("PASS", "NOT DUE")) for line in lines)
        (counts,) = [line for line in lines if line.startswith("required findings")]
        required = [f.outcome for f in found.findings if f.level is Level.REQUIRED]
        assert counts.count(",") == len(set(required)) - 1
        assert f"{required.count(Outcome.FAIL)} FAIL" in counts
        assert repr(found) == f"<CheckResult FAIL: {counts}>"

    def test_nothing_judged_is_said(self) -> None:
        empty = dosecalc.CheckResult(outcome=Outcome.NOT_EVALUATED, provenance={})
        assert repr(empty) == "<CheckResult NOT EVALUATED: required findings: none judged>"

    def test_a_finding_has_no_rounded_number_of_its_own(self) -> None:
        """2.9996 must not stand there as 3.00: the message has the digits that show the side."""
        found = finding(rule="R15", structure=LEFT, band=Band(value=2.9996), limit=3.0)
        assert repr(found) == f"<Finding R15 {LEFT}: PASS (required)>"

    @pytest.mark.parametrize(
        ("rows", "expected"),
        [
            ((row(EXACT),), "near maximum of all courses 0.00 Gy"),
            ((row(OPEN),), "near maximum of all courses >=2.50 Gy"),
            ((row(NOTHING),), "near maximum of all courses not known>"),
            ((row(None),), "no dose known"),
            ((), "no dose known"),
        ],
    )
    def test_a_structure_without_a_known_dose_has_no_0(self, rows: tuple[Any, ...], expected: str) -> None:
        assert expected in repr(structure("cord", *rows, volume_cm3=1.0))

    def test_a_structure_with_a_problem(self) -> None:
        assert repr(structure("cord", problem="torn")) == "<StructureDoses cord: not evaluated: torn>"

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"problem": "no dose"}, "what is left cannot be said (no dose)"),
            ({"available": 34.8, "fractions": 17, "plan": "P"}, "34.80 Gy left, 17 further fractions of P"),
            (
                {"available": 34.8, "fractions": 17, "plan": "P", "at_most": True},
                "at most 34.80 Gy left, at most 17 further fractions of P",
            ),
            ({"available": -0.001, "fractions": 0, "plan": "P"}, "-0.001 Gy left, 0 further fractions of P"),
            ({"available": 60.0, "unbounded": True}, "60.00 Gy left, more than 200 further fractions"),
            ({"available": 60.0, "unbounded": True, "at_most": True}, "at most 60.00 Gy left"),
            ({"available": 60.0}, "60.00 Gy left"),
        ],
    )
    def test_what_is_left(self, fields: dict[str, Any], expected: str) -> None:
        text = str(allowance(**fields))
        assert text == f"R40.x {LEFT}, Dmax EQD2(3), limit 60 Gy: {expected}"

    def test_a_curve_in_html_says_what_is_not_known(self) -> None:
        said = Parsed(HALF._repr_html_()).said
        assert "at least 7.50" in said  # (3 x 10 + 1 x 0) / 4
        assert "1 of 4 cm3 have no known dose" in said
        assert Parsed(UNKNOWN._repr_html_()).said.count("not known") == 8

    def test_the_book(self) -> None:
        book = view(broken_off())
        assert str(book).splitlines()[1:3] == [
            "  induction: 3 of 3 fractions given, 19.50 of 19.50 Gy",
            "  definitive: 0 of 1 fractions given, 0.00 of 2.00 Gy",
        ]
        assert repr(book).endswith("0.00 of 2.00 Gy; 1 in no entry>")


class TestJson:
    def test_a_curve_comes_back(self) -> None:
        curve = Curve.from_cells([10.0, 20.0, 30.0], [1.0, 1.0, 2.0], Eqd2(alpha_beta_gy=3.0))
        data = json.loads(curve.to_json())
        again = Curve(
            dose_gy=np.array(data["dose_gy"]),
            volume_above_cm3=np.array(data["volume_above_cm3"]),
            covered_cm3=data["covered_cm3"],
        )
        assert (data["quantity"], data["uncovered_cm3"], data["volume_cm3"]) == ("EQD2(3)", 0.0, 4.0)
        assert again.mean_gy == curve.mean_gy == 22.5

    def test_the_parts_are_those_of_the_whole(self) -> None:
        found = checked()
        whole = json.loads(found.to_json())
        assert [json.loads(f.to_json()) for f in found.findings] == whole["findings"]
        assert [json.loads(s.to_json()) for s in found.structures] == whole["structures"]
        assert json.loads(left().to_json())["remaining"] == [json.loads(left()[0].to_json())]


class TestDataFrame:
    @pytest.fixture(autouse=True)
    def pandas(self) -> Any:
        return pytest.importorskip("pandas", reason="pandas is not installed")

    def test_a_bound_is_no_value(self) -> None:
        open_finding = finding(band=Band(value=2.5), deciding=OPEN, limit=3.0)
        frame = result(open_finding, finding()).findings_dataframe()
        assert frame["measured"].isna().all()
        assert frame["low"].dtype == frame["limit"].dtype == "float64"
        assert (frame["low"][0], frame["lower bound"].tolist()) == (2.5, [True, False])

    def test_nothing_known_is_nan(self) -> None:
        frame = result(structures=(structure("a", row(NOTHING)), structure("b"))).doses_dataframe()
        assert frame.filter(regex="physical").isna().all(axis=None)
        assert frame["structure"].tolist() == ["a", "b"]

    def test_columns_are_there_without_rows(self) -> None:
        empty = result()
        assert "measured" in empty.findings_dataframe().columns
        assert "near max EQD2 low [Gy]" in empty.doses_dataframe().columns
        assert len(Allowances().to_dataframe()) == 0

    def test_names_are_as_in_the_files(self) -> None:
        assert structure("=1+1", row(EXACT)).to_dataframe()["structure"].tolist() == ["=1+1"]

    def test_a_curve(self) -> None:
        frame = HALF.to_dataframe()
        assert frame["physical dose [Gy]"].tolist() == [10.0, 10.0]
        assert frame["volume low [cm3]"].tolist() == [3.0, 0.0]
        assert frame["volume high [cm3]"].tolist() == [4.0, 1.0]
        assert frame["volume high [%]"].tolist() == [100.0, 25.0]

    def test_what_is_left(self) -> None:
        case = begun([*induction(), *definitive(12)])
        frame = remaining(case, cumulative("Dmax <= 60 Gy"), settings=Settings(cells=30)).to_dataframe()
        assert math.isnan(frame["given"][0])  # of the prior course no dose is known
        assert frame["given low"][0] == pytest.approx(3 * 2.0 + 12 * 1.6)
        assert frame["upper bounds"].tolist() == [True]

    def test_the_book_is_that_of_the_csv(self) -> None:
        book = view(broken_off())
        frame, rows = book.to_dataframe(), read(ledger_csv(book.entries).encode())
        assert len(frame) == len(rows)
        for name in frame.columns:
            for cell, text in zip(frame[name].tolist(), [r[name] for r in rows], strict=True):
                if frame[name].dtype == "float64":
                    assert (math.isnan(cell) and text == "") or cell == float(text)
        assert frame["dose [Gy]"].sum() == 1.5 * 3 + 5 * 3 + 2


class TestExtras:
    def test_a_missing_one_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> None:
            raise ImportError(name)

        monkeypatch.setattr(importlib, "import_module", missing)
        for call in (result().doses_dataframe, HALF.to_dataframe, lambda: dosecalc.plot_dvh(HALF)):
            with pytest.raises(DosecalcError, match=r"is not installed: pip install 'dosecalc\[notebook\]'"):
                call()


def test_intervals_that_are_open_below_have_no_low_end() -> None:
    low = Interval(value=2.0, low=-math.inf, high=3.0)
    cells = finding(band=Band(value=2.0), deciding=low).to_row()
    assert (cells["measured"], cells["low"], cells["high"]) == (2.0, None, 3.0)
