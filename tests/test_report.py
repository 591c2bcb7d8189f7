"""Text reports: the outcome first, every name on one clean line, no zero where nothing is known."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import (
    CORD,
    FRAME_UID,
    LEFT,
    UIDS,
    Changed,
    judged,
    make_case,
    make_statement,
    sib_case,
    standard_structures,
)
from report_pages import LONG, SCRIPT, hostile
from test_checking_frame_rules import OLD_FRAME, link, two_sets_fields
from test_visits import definitive

from dosecalc.case import Case, InputFile
from dosecalc.intervals import Interval
from dosecalc.report.blocks import Paragraph, Table
from dosecalc.report.case_text import case_text
from dosecalc.report.check_text import check_text
from dosecalc.report.dvh_table import dvh_csv, dvh_rows, dvh_text
from dosecalc.report.tables import clean, gy, lines_of
from dosecalc.sampling import Settings
from dosecalc.statement import CourseStatement, Event, EventKind, PlanStatement

COARSE = Settings(cells=50)
ESCAPE, RIGHT_TO_LEFT = "\x1b[31mred", "\u202eright to left"
ODD = ["a\nb", ESCAPE, RIGHT_TO_LEFT, "tab\tnul\0", "<script>alert(1)</script>", "\ud800", "x" * 10_000]


def report(case: Case, **options: Any) -> str:
    return check_text(judged(case, cells=50), case_name="a case", **options)


def assert_clean(text: str) -> None:
    for line in text.split("\n"):
        odd = [hex(ord(c)) for c in line if unicodedata.category(c)[0] == "C"]
        assert not odd, (odd, line[:80])


class TestCheckText:
    def test_outcome_comes_first(self) -> None:
        lines = report(make_case()).splitlines()
        assert "not a medical device" in lines[0]
        (outcome,) = [line for line in lines[:8] if "OUTCOME" in line]
        assert "PASS" in outcome

    @pytest.mark.parametrize(
        ("case", "outcome"),
        [
            ({}, "OUTCOME: PASS"),
            ({"change": {"boost": Changed(left_gy=2.5)}}, "OUTCOME: FAIL"),
            ({"no_dose": ("boost",)}, "OUTCOME: NOT EVALUATED"),
        ],
    )
    def test_outcome(self, case: dict[str, Any], outcome: str) -> None:
        assert outcome in report(make_case(**case))

    def test_failures_stand_above_advisories_above_passes(self) -> None:
        text = report(make_case(change={"boost": Changed(left_gy=2.5)}))
        places = [text.index(w) for w in ("FAIL  R15", "FAIL  R41", "R30 (due", "R10 Low")]
        assert places == sorted(places)

    def test_a_failure_says_why_and_where(self) -> None:
        text = report(make_case(change={"boost": Changed(left_gy=2.5)}))
        assert "3.30 Gy" in text
        assert "hot spot at x = " in text
        assert "Low alone 0.80 Gy, Boost alone 2.50 Gy" in " ".join(text.split())

    def test_without_a_table_the_first_page_says_that_cumulative_dose_was_not_judged(self) -> None:
        text = report(make_case())
        assert text.index("cumulative organ dose was not judged") < text.index("Decision point")

    def test_missing_dose_is_a_lower_bound_or_nothing(self) -> None:
        text = report(make_case(no_dose=("low", "boost")))
        assert "at least 0.00" not in text
        assert " >=0.00" not in text

    def test_decision_point(self) -> None:
        text = report(make_case())
        assert "50 Gy at fraction 25 of 28" in text
        assert "2026-05-01" in text
        for reading in ("low+definitive: 23", "boost+definitive: 18", "low+boost+definitive: 16"):
            assert reading in text

    def test_warnings_come_before_findings(self) -> None:
        unsaid = make_statement(courses={"induction": CourseStatement()})
        text = report(make_case(statement=unsaid))
        assert text.index("Warnings") < text.index("R41")

    def test_patient_only_where_asked(self) -> None:
        assert "SECRET" not in report(make_case()).upper()
        assert "Secret^Name" in report(make_case(), patient="Secret^Name (SECRET-ID)")

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_names(self, odd: str) -> None:
        case = odd_case(odd)
        text = check_text(judged(case, cells=30), case_name=odd, patient=odd)
        assert_clean(text)
        if len(odd) < 100:
            assert max(map(len, text.splitlines())) < 400

    @pytest.mark.parametrize("case", [make_case(), sib_case()])
    def test_lines_fit(self, case: Case) -> None:
        assert max(map(len, report(case).splitlines())) <= 140

    def test_no_carriage_returns_and_no_trailing_blanks(self) -> None:
        for line in report(make_case()).split("\n"):
            assert line == line.rstrip()


def odd_case(odd: str) -> Case:
    """A case whose every text from outside is odd."""
    named = {"odd": replace(standard_structures()[CORD], name=odd, number=77, interpreted_type=odd)}
    change = {
        "low": Changed(
            plan={"label": odd, "source": odd, "approval": odd}, dose={"source": odd, "made_by": odd}
        ),
        "boost": Changed(cut_x_mm=(-25, 25), dose={"source": odd}),
    }
    statement = replace(
        make_statement(events=[Event(kind=EventKind.NOTE, date=make_statement().events[0].date, detail=odd)]),
        plans=(PlanStatement(uid=UIDS["low"], roles=("low",)),),
    )
    return make_case(
        structures=named,
        change=change,
        statement=statement,
        problems=(odd,),
        inputs=(InputFile(path=odd, sha256="", kind=odd, used=False, reason=odd),),
        folder=Path("folder"),
    )


class TestCaseText:
    def test_registrations_and_what_was_given(self) -> None:
        linked = {**two_sets_fields(frame_uid=OLD_FRAME, registrations=[link((0, -30, 0))])}
        case = make_case(**linked, records=tuple(definitive(12)))
        lines = case_text(case).splitlines()
        place = next(n for n, line in enumerate(lines) if line.startswith("Registration "))
        assert "rigid: turned by 0.00 degrees, shifted by (0.0, -30.0, 0.0) mm" in lines[place]
        assert lines[place + 1] == f"  from frame of reference {OLD_FRAME}: RD_prior.dcm, RS_old.dcm"
        assert lines[place + 2].startswith(f"  into frame of reference {FRAME_UID}: RD_low.dcm")
        assert "  12 treatment records, of fraction 1 to 12, 2026-03-30 to 2026-04-14" in lines

    def test_what_is_there(self) -> None:
        text = case_text(make_case())
        for words in (
            "3 plans, 3 doses, 1 structure set",
            "Plan 'Boost'  RP_boost.dcm  3 fractions, APPROVED",
            "15 Gy (5 Gy x 3) to 'GTVp_High', ROI Number 2",
            "RD_boost.dcm, whole plan, physical, 19 x 9 x 11 voxels of 5 x 6 x 7 mm, maximum 15.00 Gy",
            "A_Carotid_L",
            "course prior: 70 Gy, 35 fractions, until 2024-03-01",
            "event 2026-02-10: recurrence",
        ):
            assert words in text

    def test_what_is_not(self) -> None:
        case = make_case(
            no_dose=("boost",),
            change={"low": Changed(plan={"structure_set_uid": "absent", "approval": ""})},
        )
        text = case_text(case)
        assert "dose: none in the folder" in text
        assert "absent, not in the folder" in text
        assert "approval not stated" in text

    def test_patient_only_where_asked(self) -> None:
        assert "SECRET" not in case_text(make_case()).upper()
        assert "Secret^Name" in case_text(make_case(), patient="Secret^Name")

    def test_odd_folder(self) -> None:
        assert_clean(case_text(replace(make_case(), folder=Path("a\x1b[31mb"))))

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_names(self, odd: str) -> None:
        case = odd_case(odd)
        statement = replace(
            case.statement,
            courses={odd: CourseStatement()},
            structures={odd: odd},
            plans=(PlanStatement(uid=odd, ignore=odd),),
        )
        text = case_text(replace(case, statement=statement))
        assert_clean(text)


def of_boost(text: str) -> str:
    """The line of the left carotid in the boost's table."""
    return next(row for row in text.split("RD_boost")[1].splitlines() if LEFT in row)


class TestDvhTable:
    def test_text(self) -> None:
        text = dvh_text(list(dvh_rows(make_case(), settings=COARSE)))
        cells = of_boost(text).split()
        assert (float(cells[1]), cells[2:]) == (pytest.approx(1.792, abs=0.003), ["100", *["3.60"] * 8])

    def test_outside_the_dose_is_no_zero(self) -> None:
        case = make_case(change={"boost": Changed(cut_x_mm=(-25, 25))})
        rows = list(dvh_rows(case, names=(LEFT,), settings=COARSE))
        assert of_boost(dvh_text(rows)).split()[2:] == ["0.00", *["-"] * 8]
        (csv_line,) = [c for c in dvh_csv(rows).splitlines() if c.startswith("RD_boost")]
        assert csv_line.split(",")[5:15] == ["1.792000", "0.000000", *[""] * 8]

    def test_a_structure_that_cannot_be_read(self) -> None:
        broken = replace(standard_structures()[LEFT], contours=(), problem="torn")
        rows = list(dvh_rows(make_case(structures={LEFT: broken}), names=(LEFT,), settings=COARSE))
        assert all("torn" in r.problem for r in rows)
        assert "torn" in dvh_text(rows)
        assert "torn" in dvh_csv(rows)

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_names(self, odd: str) -> None:
        rows = list(dvh_rows(odd_case(odd), settings=COARSE))
        assert_clean(dvh_text(rows))

    @pytest.mark.parametrize("odd", ODD)
    def test_one_line_a_row(self, odd: str) -> None:
        rows = list(dvh_rows(odd_case(odd), settings=COARSE))
        assert len(dvh_csv(rows).split("\n")) == len(rows) + 2


class TestTables:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("a\nb\tc", "a b c"),
            ("  a   b ", "a b"),
            ("\x1b[31m", "[31m"),
            ("\u202eabc", "abc"),
            ("\0", ""),
            ("naïve 頭", "naïve 頭"),
        ],
    )
    def test_clean(self, text: str, expected: str) -> None:
        assert clean(text) == expected

    def test_doses(self) -> None:
        assert gy(None) == "-"
        assert gy(Interval.exactly(2.005)) in {"2.00", "2.01"}
        assert gy(Interval(value=2.0, low=2.0, high=float("inf"))) == ">=2.00"
        assert gy(Interval(value=float("inf"), low=0.0, high=float("inf"))) == "?"

    def test_columns(self) -> None:
        lines = list(lines_of(Table(header=["a", "Gy"], rows=[["cord", "9.50"], ["x", "10.00"]])))
        assert lines == ["  a        Gy", "  cord   9.50", "  x     10.00"]

    def test_wrapping(self) -> None:
        lines = list(lines_of(Paragraph("label: ", "word " * 60)))
        assert len(lines) > 1
        assert all(len(line) <= 100 for line in lines)


def test_names_that_no_file_should_have_leave_the_text_legible() -> None:
    """Markup, control characters, right-to-left marks and 10,000 characters in names, labels and problems."""
    text = check_text(hostile(), case_name="")
    assert SCRIPT[:20] in text  # it is only a name
    assert LONG[:200] not in text
    assert "... (10,000 characters)" in text
    assert not [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"]
    assert max(map(len, text.splitlines())) < 300
