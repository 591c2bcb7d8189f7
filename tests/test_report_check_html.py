"""The report as a page: what it says first, the numbers of the JSON, and names that are only names."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import LEFT, Changed, cumulative, extended, judged, make_case, one
from report_pages import LONG, broken_off_case, failing, failing_case, hostile, in_part

import dosecalc
from dosecalc import CheckResult, Outcome
from dosecalc.report.check_html import Paper, check_html, summary_of
from dosecalc.report.dvh_picture import BOTTOM, COLOURS, TOP, drawn_figure, drawn_structures
from dosecalc.report.dvh_picture import RIGHT as RIGHT_PX

pytest.importorskip("jinja2")
pytest.importorskip("contourpy")
pytest.importorskip("PIL")

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, each closed in its order, and all text outside style and script."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    def tags(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


@pytest.fixture(scope="module")
def page() -> str:
    return check_html(failing())


class TestFirst:
    def test_the_outcome_and_both_questions_stand_before_all_else(self, page: str) -> None:
        text = Page(page).text
        places = [
            text.index(words)
            for words in (
                "independent check, not a medical device",
                "FAIL at least one required rule FAILS",
                "Did every required rule pass?",
                "What was not judged?",
                "What did it assume?",
                "checked by",
                "Required rules that do not pass",
                "Decision point: 50 Gy, after fraction 25 of 28",
                "Where limits are broken",
                "Dose-volume curves",
                "Doses of each structure",
                "All rules",
                "Where this comes from",
            )
        ]
        assert places == sorted(places)

    @pytest.mark.parametrize(
        ("outcomes", "said"),
        [
            ([Outcome.PASS, Outcome.PASS], "Yes: 2 PASS."),
            ([Outcome.PASS, Outcome.NOT_DUE], "All that are due: 1 NOT DUE, 1 PASS."),
            ([Outcome.PASS, Outcome.FAIL, Outcome.UNCERTAIN], "No: 1 FAIL, 1 UNCERTAIN, 1 PASS."),
            ([Outcome.NOT_DUE], "Nothing was judged yet: 1 NOT DUE."),
            ([], "No required rule was judged."),
        ],
    )
    def test_whether_every_required_rule_passed(self, outcomes: list[Outcome], said: str) -> None:
        required = next(f for f in failing().findings if f.level is dosecalc.Level.REQUIRED)
        advisory = next(f for f in failing().findings if f.level is dosecalc.Level.ADVISORY)
        found = (*(replace(required, outcome=o) for o in outcomes), replace(advisory, outcome=Outcome.FAIL))
        assert summary_of(replace(failing(), findings=found)).passed == said

    def test_every_finding_that_is_not_met_is_in_the_summary(self) -> None:
        summary = summary_of(failing())
        told = [*summary.not_met, *summary.advisory, *summary.not_due]
        left_out = [f for f in failing().findings if not any(f is t for t in told)]
        assert {f.outcome for f in left_out} == {Outcome.PASS}
        gravity = [Outcome.FAIL, Outcome.NOT_EVALUATED, Outcome.UNCERTAIN]
        places = [gravity.index(f.outcome) for f in summary.not_met]
        assert places == sorted(places)

    def test_one_reason_is_told_once_and_what_falls_due_on_one_line(self) -> None:
        """No dose of the boost: three rules cannot be judged on three structures for one reason."""
        result = judged(make_case(no_dose=["low", "boost"]))
        summary = summary_of(result)
        reasons = [reason for _, reason in summary.not_judged]
        assert sorted(reasons) == sorted(
            {f.message for f in result.findings if f.outcome is Outcome.NOT_EVALUATED}
        )
        assert f"R18 {LEFT}, A_Carotid_R, Nasopharynx^Muc" in " ".join(
            about for about, _ in summary.not_judged
        )
        for f in result.findings:
            if f.outcome is Outcome.NOT_EVALUATED:
                (about,) = (about for about, reason in summary.not_judged if reason == f.message)
                assert f.rule in about
                assert f.structure in about
        assert len(summary.due) == len({(f.rule, f.structure) for f in result.not_due})
        assert "R20 (2026-03-02, 2026-03-23); R25" in Page(check_html(result)).text

    def test_that_cumulative_organ_dose_was_not_judged_is_said_first(self) -> None:
        text = Page(check_html(judged(make_case()))).text
        assert "cumulative organ dose was not judged" in text[: text.index("What did it assume?")]

    def test_every_assumption_and_problem_is_in_view(self) -> None:
        result = replace(failing(), problems=("odd file",))
        text = Page(check_html(result)).text
        before = text[: text.index("Decision point")]
        assert result.assumptions
        for said in (*result.assumptions, *result.problems):
            assert " ".join(said.split()) in before


def rows_of(page: Page) -> list[tuple[str, str, dict[int, float]]]:
    """Structure, course and the values of each row of the table of doses."""
    found: list[tuple[str, str, dict[int, float]]] = []
    structure = ""
    for tag, attrs in page.found:
        if tag == "tbody":
            structure = attrs.get("data-structure") or ""
        elif tag == "tr" and "data-course" in attrs:
            found.append((structure, attrs["data-course"] or "", {}))
        elif tag == "td" and "data-value" in attrs:
            found[-1][2][int(attrs["data-column"] or -1)] = float(attrs["data-value"] or "nan")
    return found


def certain(metric: dict[str, Any] | None, key: str) -> float | None:
    if metric is None:
        return None
    ends = metric[key]
    return ends["value"] if ends["high"] is not None else ends["low"]


@pytest.mark.parametrize("name", ["failing", "open"])
def test_the_numbers_are_those_of_the_json(name: str) -> None:
    result = failing() if name == "failing" else judged(make_case())
    data = json.loads(result.to_json())
    shown = {(s, c): values for s, c, values in rows_of(Page(check_html(result)))}
    compared = 0
    for structure in data["structures"]:
        for row in structure["rows"]:
            values = shown[(structure["name"], row["course"])]
            wanted = {
                5: certain(row["per_session"], "near_max_gy"),
                6: certain(row["physical"], "mean_gy"),
                7: certain(row["physical"], "near_max_gy"),
                8: certain(row["bed"], "near_max_gy"),
                9: certain(row["eqd2"], "mean_gy"),
                10: certain(row["eqd2"], "near_max_gy"),
            }
            assert {k: v for k, v in values.items() if k in wanted} == {
                k: v for k, v in wanted.items() if v is not None
            }
            assert values[4] == row["sessions"]
            compared += len(wanted)
    assert compared > 100


def test_every_finding_is_on_the_page_with_its_outcome(page: str) -> None:
    shown = [(a["data-rule"], a["data-outcome"]) for _, a in Page(page).found if "data-outcome" in a]
    assert sorted(shown) == sorted((f.rule, f.outcome.value) for f in failing().findings)
    for finding in failing().findings:
        assert " ".join(finding.message.split()) in Page(page).text


class TestSelfContained:
    def test_nothing_is_asked_for_from_elsewhere(self, page: str) -> None:
        parsed = Page(page)
        for tag, attrs in parsed.found:
            for name in ("src", "href", "srcset", "action", "data", "xlink:href"):
                value = attrs.get(name) or ""
                assert value.startswith(("#", "data:image/png;base64,")) or value == "", (tag, name, value)
        assert not parsed.tags("link")
        assert re.findall(r"url\(|@import", page) == []
        assert set(re.findall(r"https?://[^\"' <]+", page)) <= {"http://www.w3.org/2000/svg"}

    def test_the_same_bytes_for_the_same_input(self, page: str) -> None:
        again = judged(make_case())
        assert check_html(again) == check_html(judged(make_case()))
        assert check_html(failing()) == page

    def test_nobody_is_named_unless_asked(self, page: str) -> None:
        assert "SECRET" not in page.upper()
        told = check_html(failing(), patient="Secret^Name (SECRET-ID)", case_name="folder")
        assert "patient: Secret^Name (SECRET-ID); case: folder" in Page(told).text

    def test_the_size_of_the_paper(self) -> None:
        assert "size: A4" in check_html(failing(), paper=Paper.A4)
        assert "size: letter" in check_html(failing(), paper=Paper.LETTER)


class TestHostileNames:
    @pytest.mark.parametrize("is_static", [False, True])
    def test_names_are_only_names(self, is_static: bool) -> None:
        found = check_html(hostile(), is_static=is_static)
        parsed = Page(found)  # and every element is closed in its order
        assert len(parsed.tags("script")) == (0 if is_static else 1)
        assert not any("onerror" in attrs for _, attrs in parsed.found)
        assert "<script>document.title" in parsed.text
        assert "{{ 7 * 7 }}" in parsed.text

    def test_control_and_direction_characters_are_gone(self) -> None:
        text = check_html(hostile())
        assert not [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"]
        assert "\u05d7\u05d5\u05d8" in text  # what is left of the name is legible

    def test_a_name_of_10_000_characters_is_cut_and_says_so(self) -> None:
        found = check_html(hostile())
        assert LONG[:200] not in found
        assert "... (10,000 characters)" in found
        assert len(found) < 1e6


class TestFigures:
    def test_each_figure_has_a_text_that_stands_for_it(self, page: str) -> None:
        parsed = Page(page)
        pictures = [a for a in parsed.tags("svg") if a.get("aria-hidden") != "true"]
        assert len(pictures) >= 3 + 3  # curves, and sections through hot spots
        assert all(a.get("role") == "img" for a in pictures)
        assert len(parsed.tags("title")) >= len(pictures)
        assert len(parsed.tags("desc")) >= len(pictures)

    def test_a_broken_limit_has_sections(self, page: str) -> None:
        assert "R15 A_Carotid_L: dose of the induction session" in Page(page).text

    def test_lines_that_are_not_judged_are_left_out_where_nobody_can_click(self) -> None:
        shown = [a for a in Page(check_html(failing())).tags("g") if a.get("class") == "line"]
        still = [a for a in Page(check_html(failing(), is_static=True)).tags("g") if a.get("class") == "line"]
        assert any("display" in a for a in shown)
        assert still == [a for a in shown if "display" not in a]
        assert any(a["data-name"] == LEFT for a in still)


class TestLimits:
    def test_one_of_a_mean_is_a_tick_with_its_value(self) -> None:
        """No line has a mean at 0 % of the volume."""
        result = judged(failing_case(), protocol=cumulative("Mean < 26 Gy"), only=["R15", "R40.x"])
        figure = Page(check_html(result))
        assert len([p for p in figure.tags("path") if p.get("class") == "mean"]) == 1
        assert f"R40.x (3) Mean < 26 Gy: {one(result, 'R40.x').measured:.2f} FAIL" in figure.text
        (limit,) = result.draw().figures[1].limits
        assert limit.percent is None
        assert len([p for p in figure.tags("path") if p.get("class") == "side"]) == 2  # of R15

    def test_no_label_is_cut_off_at_the_right(self) -> None:
        found = judged(failing_case(), protocol=cumulative("D0.03cc < 146 Gy", structure=LEFT))
        figure = found.draw().figures[1]
        far = tuple(replace(li, dose_gy=145.0, outcome=Outcome.NOT_EVALUATED) for li in figure.limits)
        lines = tuple(li for li in figure.lines if li.structure == LEFT)
        structures = drawn_structures(found, [figure])
        (mark,) = drawn_figure(replace(figure, limits=far, lines=lines), structures).limits
        assert mark.x > 700
        assert mark.label.anchor == "end"
        assert "NOT EVALUATED" in mark.label.text


def test_a_structure_that_only_another_set_has_is_drawn_with_its_limit() -> None:
    """On the new CT there is no mucosa: the induction's own structure set has it, and there it was judged."""
    case = dosecalc.read_case(Path(__file__).parents[1] / "sample_plans" / "redefine_new_ct")
    (mucosa,) = {s.name for st in case.structure_sets for s in st if s.name == "Nasopharynx^Muc"}
    result = judged(case, only=["R16"])
    assert mucosa not in {s.name for s in result.structures}
    figure = result.draw().figures[0]
    assert [(li.rule, li.structure) for li in figure.limits] == [("R16", mucosa)]
    structures = drawn_structures(result, result.draw().figures)
    assert len({s.number for s in structures}) == len(structures)
    assert structures[-1].name == mucosa
    assert f"R16 ({structures[-1].number})" in check_html(result)


def test_several_lines_of_a_structure_have_letters_and_a_legend() -> None:
    """The sum of a day and one plan of it: 3a and 3b on the lines, in the legend and in the numbers."""
    both = extended(
        '[[rules]]\nid = "R15.x"\ntitle = "per plan"\nkind = "session_limit"\nlevel = "required"\n'
        f'structures = ["{LEFT}"]\ncourse = "induction"\ngoal = "D0.03cc < 3 Gy/fx"\n'
        'reading = "each_plan"\nsource = "a test"\n'
    )
    result = judged(failing_case(), protocol=both, only=["R15", "R15.x"])
    figures = result.draw().figures
    structures = drawn_structures(result, figures)
    drawn = drawn_figure(figures[0], structures)
    legend = {q: [mark for mark, _ in marks] for q, marks in drawn.legend(all_of_them=True).items()}
    numbers = {s.name: s.number for s in structures}
    left, right = numbers[LEFT], numbers["A_Carotid_R"]
    assert legend == {
        "dose of the induction session of days 1 to 3": [f"{left}a", f"{right}"],
        "dose of Boost alone in the induction session of days 1 to 3": [f"{left}b"],
    }
    assert {(m.limit.rule, m.label.text) for m in drawn.limits} == {
        ("R15", f"R15 ({left}a) FAIL"),
        ("R15", f"R15 ({right})"),
        ("R15.x", f"R15.x ({left}b) FAIL"),
    }
    page = check_html(result)
    assert all(f"<td>{mark}</td>" in page for mark in (f"{left}a", f"{left}b"))


class TestWhatIsNotPassed:
    @pytest.mark.parametrize("outcome", list(Outcome))
    def test_a_limit_says_its_outcome_unless_it_is_passed(self, outcome: Outcome) -> None:
        """On paper there is no pointer that would tell a limit that was not judged from one that is kept."""
        drawings = failing().draw()
        day = drawings.figures[0]
        limits = tuple(replace(li, outcome=outcome) for li in day.limits)
        held = replace(drawings, figures=(replace(day, limits=limits),), hot_spots=())
        page = check_html(replace(failing(), draw=lambda: held), is_static=True)
        marks = re.findall(r'<g class="limit".*?</g>', page, flags=re.S)
        assert len(marks) == 3
        for mark in marks:
            text = re.findall(r"<text[^>]*>(.*?)</text>", mark)[0]
            assert text.endswith(")") == (outcome is Outcome.PASS)
            assert (outcome.value in text) == (outcome is not Outcome.PASS)

    def test_a_line_that_is_a_lower_bound_bears_its_mark(self) -> None:
        page = check_html(in_part(), is_static=True)
        day = page[page.index('data-key="day-induction"') : page.index('data-key="physical"')]
        marked = re.findall(r'data-least="1"[^>]*data-name="([^"]*)"', day)
        assert marked == [LEFT]
        assert len(re.findall(r">&#8805;\d+</text>", day)) == 1

    def test_what_has_no_known_dose_may_have_any(self) -> None:
        """The band goes on to the edge of the figure, and does not end at the last dose that is known."""
        structures = drawn_structures(in_part(), in_part().draw().figures)
        figure = drawn_figure(in_part().draw().figures[0], structures)
        band = next(d for d in figure.lines if d.structure.name == LEFT)
        upper = band.band[1:-1].split("L")[: band.band_corners]
        x, y = map(float, upper[-1].split(","))
        assert x == RIGHT_PX
        assert y == pytest.approx(BOTTOM - (BOTTOM - TOP) * (34 - 32.5) / 8, abs=20)  # to half a cell

    def test_no_band_goes_on_to_the_edge_where_all_has_a_known_dose(self) -> None:
        """Whatever stands at its last dose: of which dose no point has more, all is known."""
        figure = failing().draw().figures[1]
        lines = tuple(
            replace(line, high_percent=np.maximum(line.high_percent, 13.0))
            for line in figure.lines
            if line.uncovered_cm3 == 0
        )
        assert lines
        drawn = drawn_figure(replace(figure, lines=lines), drawn_structures(failing(), [figure]))
        corners = [point for line in drawn.lines for point in line.band[1:-1].split("L") if point]
        assert corners
        assert all(float(point.split(",")[0]) < RIGHT_PX for point in corners)

    def test_what_is_not_in_the_bands_is_said(self, page: str) -> None:
        assert "not in them: how far registrations may be off" in Page(page).text

    def test_bands_are_seen_of_lines_as_it_stands_only(self) -> None:
        """The others have theirs to be read under the pointer, and none on paper."""
        for is_static in (False, True):
            page = check_html(failing(), is_static=is_static)
            groups = re.findall(r'data-stage="(\w+)"[^<]*<path class="band"( visibility="hidden")?', page)
            assert {stage for stage, hidden in groups if not hidden} == {"projected"}
            assert any(hidden for _, hidden in groups) == (not is_static)

    def test_a_value_beside_its_limit_shows_on_which_side_it_is(self) -> None:
        case = make_case(change={"boost": Changed(left_gy=2.2004)})
        text = Page(check_html(judged(case, only=["R15"]))).text
        assert "3.0004 Gy at the hot spot, limit < 3 Gy" in text

    def test_a_dose_that_may_be_another_has_its_ends(self) -> None:
        text = Page(check_html(judged(broken_off_case(), only=["R15"]))).text
        assert "; 4.40 (0.80 to 6.80) Gy at the hot spot, limit < 3 Gy" in text

    def test_the_outcome_stands_beside_the_place_to_sign(self) -> None:
        assert "this check: FAIL checked by date signature" in Page(check_html(failing())).text


def luminance(colour: str) -> float:
    """Relative luminance of a colour such as #0072b2 (WCAG 2)."""
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colour", COLOURS)
def test_lines_stand_out_from_the_page(colour: str) -> None:
    """They are text too: the number of a structure is written in its colour."""
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_without_its_packages_a_report_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "jinja2" else object())
    with pytest.raises(dosecalc.DosecalcError, match=r"expected the package jinja2.*dosecalc\[report\]"):
        dosecalc.write_report(failing(), tmp_path / "a.html")


def test_an_empty_result_makes_a_report() -> None:
    provenance = {"dosecalc": "0", "protocol": failing().provenance["protocol"], "as_of": None}
    empty = CheckResult(
        outcome=Outcome.NOT_EVALUATED,
        provenance={**provenance, "alpha_beta": [], "inputs": [], "plans": [], "settings": {}},
    )
    assert "No required rule was judged." in Page(check_html(empty)).text
