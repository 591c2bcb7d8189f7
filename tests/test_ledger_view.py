"""The book as text, calendar, picture, CSV and JSON."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cases import make_case, make_statement, redefine
from factories import make_uniform_dose
from test_book import (
    AHEAD,
    BOOST,
    GIVEN,
    LOW,
    THREE_DAYS,
    event,
    march,
    plan,
    session,
    treat,
)

from dosecalc.book import Amount, Entry, counts, entries
from dosecalc.case import Case
from dosecalc.courses import Treatment
from dosecalc.errors import InputError
from dosecalc.report.ledger_files import ledger_csv, ledger_json
from dosecalc.report.ledger_picture import calendar_svg, calendar_text
from dosecalc.report.ledger_text import amount_text, book_blocks, dose_text, ledger_text
from dosecalc.report.ledger_view import AfterFraction, LedgerView, ledger_view
from dosecalc.report.tables import WIDTH, page
from dosecalc.sessions import Contribution, GridFraction, Part
from dosecalc.statement import CourseStatement, EventKind, Statement

ODD = [
    "a\nb",
    "\x1b[31mred",
    "\u202eright to left",
    "tab\tnul\0",
    "<script>alert(1)</script>",
    "\ud800",
    "&]]>",
]
PROVENANCE = {
    "dosecalc": "0",
    "protocol": {"title": "a protocol", "file": "p.toml", "sha256": "0" * 64, "source": "a test"},
    "inputs": [{"used": True}, {"used": False}],
}
SVG = "{http://www.w3.org/2000/svg}"


def booked(treatment: Treatment, statement: Statement | None = None) -> tuple[Entry, ...]:
    return entries(treatment, redefine(), statement=statement or Statement())


def view(treatment: Treatment, notes: Sequence[str] = (), problems: Sequence[str] = ()) -> LedgerView:
    return LedgerView(
        entries=booked(treatment),
        counts=counts(treatment, redefine()),
        stands="as it stood once",
        notes=(*treatment.assumptions, *notes),
        lost=treatment.lost,
        problems=tuple(problems),
        provenance=PROVENANCE,
    )


def table_of(treatment: Treatment) -> str:
    """The book without its legend."""
    return "\n".join(
        line for line in page(book_blocks(booked(treatment))).splitlines() if " dose: " not in line
    )


def half_of_a_grid(uid: str) -> Contribution:
    """Half of a beam whose dose was computed for all of it."""
    part = Part(dose=make_uniform_dose(gy=15), scale=Fraction(1, 3), beam=1)
    return Contribution(
        fraction=GridFraction(plan_uid=uid, parts=(part,)),
        share=Decimal("0.5"),
        beams=((1, Decimal("0.5")),),
    )


def broken_off() -> Treatment:
    """Low and boost in one session a day; boost 2 broken off and continued, then the definitive course."""
    first = session("induction", 1, "low", "boost", on=march(2), at=dt.time(9), state=GIVEN)
    second = session("induction", 2, "low", "boost", on=march(3), at=dt.time(9, 5, 59), state=GIVEN)
    third = session("induction", 3, "low", "boost", on=march(4), state=GIVEN)
    half = half_of_a_grid("boost")
    second = replace(second, contributions=(second.contributions[0], half))
    third = replace(
        third,
        contributions=(third.contributions[0], half, third.contributions[1]),
        fractions=(3, 2, 3),
    )
    return treat(
        [first, second, third, session("definitive", 1, "def")],
        planned=[*THREE_DAYS, session("definitive", 1, "def")],
        events=[
            event(dt.date(2026, 2, 10), EventKind.RECURRENCE, "biopsy"),
            event(march(3), EventKind.ANTI_PD1),
        ],
        lost=("plan X fits no role",),
        assumptions=("WARNING: nothing is said", "weekdays are counted"),
    )


BROKEN_OFF_TEXT = """\
dosecalc 0 - independent check, not a medical device
protocol: a protocol
book:     as it stood once
warnings: 2, below the book

     date            time   course      day  fractions                          dose Gy  n  sum Gy
  !  2026-02-10 Tue  recurrence: biopsy
  x  2026-03-02 Mon  09:00  induction     1  low 1 + boost 1                        6.5  1     6.5
  x  2026-03-03 Tue  09:05  induction     2  low 2 + boost 2 (~50 %)                4    1    10.5
  !  2026-03-03 Tue  anti pd1
  x  2026-03-04 Wed         induction     3  low 3 + boost 2 (~50 %) + boost 3      9    3    19.5
  .  no date                definitive    1  definitive 1                           2    1     2
  x given, . planned, ! event; day: prescribed day of the course; n: its whole fractions so far
  dose: as prescribed, of the highest prescription of a plan, all plans of a session added; it is no
  structure's dose; sum: of the course so far; >= where not all of it is known
  ~ of a beam that was broken off; its dose was computed for the whole beam only

Whole fractions and prescribed dose; projected: given and left
  course      planned  given  in part  left  planned Gy  given Gy  projected Gy
  induction         3      3        0     0        19.5      19.5          19.5
  definitive        1      0        0     1           2         0             2

Plans, with the prescribed dose of one fraction
  low: plan 'LOW', 1.5 Gy, UID low
  boost: plan 'BOOST', 5 Gy, UID boost
  definitive: plan 'DEFINITIVE', 2 Gy, UID def

Warnings
  - WARNING: plan X fits no role
  - WARNING: nothing is said

Noted
  - weekdays are counted

Noticed in the input
  - a problem

Traced to
  - protocol p.toml, SHA-256 0000000000000000..., a test
  - 1 files used of 2; SHA-256 and UID of each are in the JSON
"""


class TestText:
    def test_a_course_broken_off_and_continued(self) -> None:
        treatment = broken_off()
        named = replace(
            treatment, plans=(LOW, BOOST, plan("def", "definitive", ["56"], 28, label="DEFINITIVE"))
        )
        assert ledger_text(view(named, problems=["a problem"])) == BROKEN_OFF_TEXT

    def test_equal_planned_sessions_have_a_line_each(self) -> None:
        lines = table_of(treat([session("definitive", n, "def") for n in range(1, 29)])).splitlines()
        assert [line.split()[:8] for line in lines[1:29]] == [
            [".", "no", "date", "definitive", f"{n}", "definitive", f"{n}", "2"] for n in range(1, 29)
        ]

    def test_several_plans_and_visits_a_day_by_time(self) -> None:
        visits = [
            session("induction", 1, "boost", on=march(2), at=dt.time(15, 30), state=GIVEN),
            session("induction", 1, "low", on=march(2), at=dt.time(9), state=GIVEN),
        ]
        assert table_of(treat(visits)).splitlines()[1:3] == [
            "  x  2026-03-02 Mon  09:00  induction    1  low 1          1.5  0     1.5",
            "  x  2026-03-02 Mon  15:30  induction    1  boost 1        5    1     6.5",
        ]

    def test_plans_that_follow_one_another_are_told_apart(self) -> None:
        first, second = (plan(u, "definitive", ["28"], 14, label=f"Def{u}") for u in "ab")
        treatment = treat(
            [session("definitive", 1, "a"), session("definitive", 2, "b")],
            plans=[first, replace(second, after=1)],
        )
        assert table_of(treatment).splitlines()[1:3] == [
            "  .  no date        definitive    1  definitive Defa 1        2  1       2",
            "  .  no date        definitive    2  definitive Defb 1        2  2       4",
        ]

    def test_what_is_not_known(self) -> None:
        unknown = plan("boost", "boost", [], 3)
        sessions = [
            session("induction", 1, "boost"),
            session("induction", 2, "low", "boost"),
            session("induction", 3, ("low", 3, "0"), state=GIVEN),
        ]
        rows = [
            line.split("  ") for line in table_of(treat(sessions, plans=[LOW, unknown])).splitlines()[1:4]
        ]
        assert [[c.strip() for c in row if c.strip()][-4:] for row in rows] == [
            ["boost 1", "-", "1", "-"],
            ["low 2 + boost 2", ">=1.5", "2", ">=1.5"],
            ["low 3 (unknown part)", "-", "2", ">=1.5"],
        ]

    def test_a_course_of_unknown_fractions(self) -> None:
        said = Statement(courses={"prior": CourseStatement(prescription_gy=Decimal(70))})
        treatment = treat([session("prior", 1, "", state=GIVEN)], plans=[])
        line = page(book_blocks(booked(treatment, said))).splitlines()[1]
        assert " ".join(line.split()) == "x no date prior 1 stated whole course 70 ? 70"

    def test_long_rows_go_on_in_the_next_line(self) -> None:
        names = [plan(u, "definitive", ["50"], 27, label=u * 16) for u in "abcde"]
        one = session("definitive", 7, *"abcde", on=march(2), at=dt.time(9))
        lines = table_of(treat([one], plans=names)).splitlines()
        assert max(map(len, lines)) <= WIDTH
        text = " ".join(" ".join(line[42:80] for line in lines).split())
        for name in names:
            assert f"definitive {name.plan.label} 7" in text

    def test_long_texts_fit(self) -> None:
        events = [event(march(2), detail="word " * 60), event(march(3), detail="x" * 500)]
        long = plan("def", "definitive", ["56"], 28, label="y" * 300)
        treatment = treat([session("c" * 200, 1, "def")], plans=[long], events=events)
        lines = page(book_blocks(booked(treatment))).splitlines()
        assert max(map(len, lines)) <= WIDTH
        assert sum(line.count("word") for line in lines) == 60
        assert sum(line.count("x") for line in lines) >= 500

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_texts(self, odd: str) -> None:
        found = view(odd_treatment(odd), notes=[odd], problems=[odd])
        for text in (ledger_text(found, patient=odd), calendar_text(found.entries)):
            for line in text.split("\n"):
                assert not [c for c in line if unicodedata.category(c)[0] == "C"]
                assert line == line.rstrip()

    @pytest.mark.parametrize(
        ("dose", "text"),
        [("2", "2"), ("1.5", "1.5"), ("1.2345", "1.2345"), ("1.23456", "1.2346"), ("50/27", "1.8519")],
    )
    def test_decimals_of_a_dose(self, dose: str, text: str) -> None:
        assert dose_text(Fraction(dose)) == text
        assert amount_text(Amount(gy=Fraction(dose), at_least=True)) == f">={text}"

    def test_nothing_known_is_no_0(self) -> None:
        assert amount_text(Amount(at_least=True)) == "-"
        assert amount_text(Amount()) == "0"


def odd_treatment(odd: str) -> Treatment:
    """A book whose every text from outside is odd."""
    named = plan("low", "low", ["4.5"], 3, label=odd)
    bare = plan("other", "", ["4.5"], 3, label=odd)
    sessions = [
        session("induction", 1, "low", "other", on=march(2), state=GIVEN, sources=(odd,)),
        session("induction", 2, "low", on=march(3)),
    ]
    return treat(
        sessions, plans=[named, bare], events=[event(march(2), detail=odd)], lost=(odd,), assumptions=(odd,)
    )


CALENDAR_TEXT = """\
  March 2024
  week  Mon   Tue   Wed   Thu   Fri   Sat   Sun
     9                           1 x   2     3
    10   4     5     6     7     8     9    10
    11  11    12    13    14    15    16    17
    12  18    19    20    21    22    23    24
    13  25    26    27    28    29    30    31

  February 2026
  week  Mon   Tue   Wed   Thu   Fri   Sat   Sun
     5                                       1
     6   2     3     4     5     6     7     8
     7   9    10 !  11    12    13    14    15
     8  16    17    18    19    20    21    22
     9  23    24    25    26 .  27    28

  x given, . planned, ! event
  prior: 2 sessions given, 0 planned, 2024-03-01, 1 without a date
  induction: 0 sessions given, 1 planned, 2026-02-26
"""


class TestCalendar:
    def test_months_that_hold_anything(self) -> None:
        sessions = [
            session("prior", 1, "", state=GIVEN),
            session("prior", 2, "", on=dt.date(2024, 3, 1), state=GIVEN),
            session("induction", 1, "low", on=dt.date(2026, 2, 26)),
        ]
        events = [event(dt.date(2026, 2, 10), EventKind.RECURRENCE)]
        assert calendar_text(booked(treat(sessions, events=events))) == CALENDAR_TEXT

    def test_several_marks_a_day(self) -> None:
        sessions = [session("induction", 1, "low", on=march(2), state=GIVEN)] * 2
        sessions += [session("induction", 1, "low", on=march(2))] * 4
        text = calendar_text(booked(treat(sessions, events=[event(march(2))])))
        assert "    10   2 xx...+!   3" in text
        assert "+: more than three" in text

    def test_nothing_dated(self) -> None:
        text = calendar_text(booked(treat([session("definitive", 1, "def")])))
        assert text == (
            "  x given, . planned, ! event\n  definitive: 0 sessions given, 1 planned, 1 without a date\n"
        )

    @pytest.mark.parametrize("day", [dt.date.min, dt.date.max])
    def test_the_ends_of_time(self, day: dt.date) -> None:
        found = booked(treat([session("definitive", 1, "def", on=day)], events=[event(day)]))
        assert " .!" in calendar_text(found)
        assert ElementTree.fromstring(calendar_svg(found)).tag == f"{SVG}svg"


class TestPicture:
    def picture(self, treatment: Treatment) -> ElementTree.Element:
        return ElementTree.fromstring(calendar_svg(booked(treatment)))

    def test_marks_differ_in_shape_and_each_day_says_what_it_holds(self) -> None:
        sessions = [replace(s, state=GIVEN if s.day < 3 else AHEAD) for s in THREE_DAYS]
        found = self.picture(treat(sessions, events=[event(march(3), EventKind.ULCER, "small")]))
        days = [g for g in found.iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]
        assert [g.findtext(f"{SVG}title") for g in days] == [
            "2026-03-02 Mon: delivered: induction day 1, low 1 [LOW] + boost 1 [BOOST], 6.5 Gy",
            "2026-03-03 Tue: delivered: induction day 2, low 2 [LOW] + boost 2 [BOOST], 6.5 Gy; ulcer: small",
            "2026-03-04 Wed: planned: induction day 3, low 3 [LOW] + boost 3 [BOOST], 6.5 Gy",
        ]
        fills = [[c.get("fill") for c in g.iter(f"{SVG}circle")] for g in days]
        assert fills == [["black"], ["black"], ["white"]]
        assert [len(list(g.iter(f"{SVG}path"))) for g in days] == [0, 1, 0]
        assert [[t.text for t in g.iter(f"{SVG}text")] for g in days] == [["2", "1"], ["3", "2"], ["4", "3"]]

    def test_title_description_and_what_the_marks_cannot_say(self) -> None:
        found = self.picture(broken_off())
        assert found.findtext(f"{SVG}title") == "Calendar of the treatment"
        described = found.findtext(f"{SVG}desc") or ""
        assert "induction: 3 sessions given, 0 planned, 2026-03-02 to 2026-03-04" in described
        texts = [t.text for t in found.iter(f"{SVG}text")]
        assert "event 2026-02-10: recurrence: biopsy" in texts
        assert "definitive: 0 sessions given, 1 planned, 1 without a date" in texts
        assert {"2*", "3*"} <= set(texts)

    def test_many_visits_a_day(self) -> None:
        sessions = [session("induction", 1, "low", on=march(2))] * 5
        found = self.picture(treat(sessions, events=[event(march(2)), event(march(2))]))
        (day,) = [g for g in found.iter(f"{SVG}g") if g.find(f"{SVG}title") is not None]
        assert [t.text for t in day.iter(f"{SVG}text")] == ["2", "1", "1", "+3", "2"]

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_texts_are_escaped(self, odd: str) -> None:
        text = calendar_svg(booked(odd_treatment(odd)))
        text.encode("utf-8")
        found = ElementTree.fromstring(text)
        known = {"svg", "title", "desc", "rect", "text", "g", "circle", "path"}
        assert {e.tag.removeprefix(SVG) for e in found.iter()} == known
        if odd.startswith("<script"):
            assert odd in "".join(found.itertext())

    def test_self_contained_and_the_same_again(self) -> None:
        text = calendar_svg(booked(broken_off()))
        assert text == calendar_svg(booked(broken_off()))
        assert text.count("http") == 1  # the name of the format
        for word in ("href", "<script", "<style", "url(", "<image"):
            assert word not in text

    def test_inside_of_its_frame(self) -> None:
        sessions = [session("definitive", 1, "def", on=dt.date(2026, m, 1)) for m in range(1, 8)]
        found = self.picture(treat(sessions, events=[event(march(2), detail="long " * 100)]))
        width, height = float(found.get("width", 0)), float(found.get("height", 0))
        for text in found.iter(f"{SVG}text"):
            assert 0 < float(text.get("x", -1)) < width
            assert 0 < float(text.get("y", -1)) < height


class TestCsv:
    def rows(self, treatment: Treatment) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(ledger_csv(booked(treatment)), newline="")))

    def test_a_row_a_contribution(self) -> None:
        rows = self.rows(broken_off())
        assert [(r["entry"], r["kind"], r["plan UID"], r["fraction"], r["share"]) for r in rows] == [
            ("1", "recurrence", "", "", ""),
            ("2", "session", "low", "1", "1"),
            ("2", "session", "boost", "1", "1"),
            ("3", "session", "low", "2", "1"),
            ("3", "session", "boost", "2", "0.5"),
            ("4", "anti_pd1", "", "", ""),
            ("5", "session", "low", "3", "1"),
            ("5", "session", "boost", "2", "0.5"),
            ("5", "session", "boost", "3", "1"),
            ("6", "session", "def", "1", "1"),
        ]
        assert rows[4] == {
            "entry": "3",
            "kind": "session",
            "state": "delivered",
            "date": "2026-03-03",
            "weekday": "Tue",
            "time": "09:05:59",
            "course": "induction",
            "day of the course": "2",
            "days since its first session [d]": "1",
            "plan label": "BOOST",
            "plan UID": "boost",
            "roles": "boost",
            "fraction": "2",
            "share": "0.5",
            "approximate": "yes",
            "dose [Gy]": "2.5",
            "course so far [Gy]": "10.5",
            "course so far is a lower bound": "no",
            "course so far [fractions]": "1",
            "source UIDs": "",
            "detail": "",
        }
        assert (rows[0]["state"], rows[0]["date"], rows[0]["detail"]) == ("event", "2026-02-10", "biopsy")

    def test_doses_read_back(self) -> None:
        uneven = plan("def", "definitive", ["50"], 27)
        rows = self.rows(treat([session("definitive", n, "def") for n in (1, 2)], plans=[uneven]))
        assert [r["dose [Gy]"] for r in rows] == ["1.851851851852"] * 2
        assert [r["course so far [Gy]"] for r in rows] == ["1.851851851852", "3.703703703704"]

    def test_what_is_not_known_is_empty(self) -> None:
        unknown = plan("boost", "boost", [], 3)
        rows = self.rows(treat([session("induction", 1, "low", ("boost", 1, "0"))], plans=[LOW, unknown]))
        assert [(r["share"], r["dose [Gy]"]) for r in rows] == [("1", "1.5"), ("", "")]
        assert [r["course so far is a lower bound"] for r in rows] == ["yes", "yes"]

    @pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", " =", "\x1b="])
    def test_no_cell_is_a_formula(self, begin: str) -> None:
        rows = self.rows(odd_treatment(f"{begin}1+1"))
        shown = " ".join(f"{begin}1+1".replace("\x1b", " ").split())
        assert {r["plan label"] for r in rows} == {"", f"'{shown}"}
        assert rows[-2]["detail"] == f"'{shown}"

    @pytest.mark.parametrize("odd", [*ODD, 'quote " and, comma', "; semicolon"])
    def test_odd_texts_stay_in_their_cells(self, odd: str) -> None:
        rows = self.rows(odd_treatment(odd))
        assert len(rows) == 4
        assert all(None not in r and None not in r.values() for r in rows)

    def test_a_session_that_gives_nothing_is_kept(self) -> None:
        (row,) = self.rows(treat([session("induction", 1)]))
        assert (row["kind"], row["plan UID"], row["dose [Gy]"]) == ("session", "", "")


class TestJson:
    def test_strict_whole_and_the_same_again(self) -> None:
        text = ledger_json(view(broken_off(), problems=["a problem"]))
        assert text == ledger_json(view(broken_off(), problems=["a problem"]))

        def refuse(name: str) -> None:
            raise AssertionError(name)

        data = json.loads(text, parse_constant=refuse, parse_float=refuse)
        assert list(data) == [
            "format_version",
            "stands",
            "entries",
            "counts",
            "notes",
            "lost",
            "problems",
            "provenance",
        ]
        assert data["format_version"] == 1
        assert [e["entry"] for e in data["entries"]].count("session") == 4
        assert sum(Fraction(e["dose"]["gy"]) for e in data["entries"] if e["entry"] == "session") == 21.5
        assert data["lost"] == ["plan X fits no role"]

    def test_patient_only_where_given(self) -> None:
        found = view(broken_off())
        assert "patient" not in json.loads(ledger_json(found))
        assert json.loads(ledger_json(found, patient={"id": "P"}))["patient"] == {"id": "P"}


class TestView:
    """A case held as a book."""

    def texts(self, case: Case, at: dt.date | AfterFraction | None = None) -> tuple[LedgerView, str]:
        found = ledger_view(case, redefine(), at=at)
        return found, " ".join([*found.warnings, *found.notes])

    def test_states_of_a_compliant_case(self) -> None:
        found, _ = self.texts(make_case())
        assert [(c.course, c.planned, c.delivered, c.left) for c in found.counts] == [
            ("prior", 35, 35, 0),
            ("induction", 3, 0, 3),
            ("definitive", 28, 0, 28),
        ]
        assert [c.projected_dose.gy for c in found.counts] == [70, 19.5, 56]
        assert found.warnings == ()
        assert "SECRET" not in f"{ledger_text(found)}{ledger_json(found)}{ledger_csv(found.entries)}".upper()

    def test_missing_doses_and_courses_are_noted(self) -> None:
        bare = make_statement(courses={"prior": CourseStatement()})
        _, said = self.texts(make_case(no_dose=("boost",), statement=bare))
        assert "no dose distribution: plan 'Boost' (RP_boost.dcm): no RT Dose refers to it" in said
        assert "prior: nothing is known of this course" in said

    def test_as_of(self) -> None:
        done = make_statement(
            courses={"definitive": CourseStatement(first_date=march(30), delivered=3)},
            events=[event(march(31), EventKind.NOTE)],
        )
        case = make_case(statement=done)
        found, said = self.texts(case, march(30))
        assert found.stands == "as it stood on 2026-03-30"
        assert [c.delivered for c in found.counts] == [35, 3, 1]
        assert "2 sessions (definitive 2 to 3) given later" in said
        assert "1 later event left out" in said
        assert "without a date" not in said  # those of the prior course came before its last day
        _, said = self.texts(case, dt.date(2024, 1, 1))
        assert "34 sessions (prior 1 to 34) without a date: counted as given by 2024-01-01" in said

    def test_what_was_planned_for_earlier_is_a_warning(self) -> None:
        found, _ = self.texts(make_case(), march(31))
        assert found.warnings == (
            "WARNING: 5 sessions (induction 1 to 3, definitive 1 to 2) planned for 2026-03-31 or earlier: "
            "nothing says that they were given",
        )

    def test_after_a_fraction(self) -> None:
        found, said = self.texts(make_case(), AfterFraction(course="definitive", number=25))
        assert found.stands == "as it stands after fraction 25 of the definitive course"
        assert [c.delivered for c in found.counts] == [35, 3, 25]
        assert found.counts[-1].delivered_dose.gy == 50
        assert "28 sessions (induction 1 to 3, definitive 1 to 25) counted as given" in said
        earlier, _ = self.texts(make_case(), AfterFraction(course="induction", number=1))
        assert [c.delivered for c in earlier.counts] == [35, 1, 0]

    def test_a_fraction_that_is_not_there(self) -> None:
        with pytest.raises(InputError, match=r"after fraction 29: .*definitive 1 to 28"):
            ledger_view(make_case(), redefine(), at=AfterFraction(course="definitive", number=29))

    def test_what_follows_a_response_is_a_warning(self) -> None:
        stopped = make_statement(
            courses={"definitive": CourseStatement(first_date=march(30), delivered=27)},
            events=[event(dt.date(2026, 5, 1), EventKind.COMPLETE_RESPONSE)],
        )
        found, _ = self.texts(make_case(statement=stopped))
        assert found.warnings == (
            "WARNING: complete response on 2026-05-01: sessions given after it: 2, still planned: 1; "
            "dosecalc check says where the decision stands",
        )

    def test_nothing_to_book(self) -> None:
        with pytest.raises(InputError, match="no session of any course to book"):
            ledger_view(Case(folder=Path("empty")), redefine())
