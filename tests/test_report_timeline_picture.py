"""The timeline: each dated session has one mark where its day is, breaks are counted, names are names."""

from __future__ import annotations

import datetime as dt
import itertools
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_pages import LONG, SCRIPT

from dosecalc.amounts import Amount
from dosecalc.book_entries import Entry, EventEntry, Item, SessionEntry
from dosecalc.report.timeline_pauses import pauses
from dosecalc.report.timeline_picture import WIDTH, timeline_svg, timeline_words
from dosecalc.results import DecisionState, StopPoint
from dosecalc.sessions import State
from dosecalc.statement import EventKind

SVG = "{http://www.w3.org/2000/svg}"
MONDAY = dt.date(2026, 3, 2)


def item(share: str = "1") -> Item:
    return Item(
        plan_label="A",
        plan_uid="1.2",
        by_role=(),
        fraction=1,
        day=1,
        share=Decimal(share),
        is_approximate=False,
        whole_gy=Fraction(2),
    )


def session(
    day: dt.date | None,
    course: str = "induction",
    state: State = State.PLANNED,
    share: str = "1",
    number: int = 1,
) -> SessionEntry:
    return SessionEntry(
        course=course,
        day=number,
        state=state,
        date=day,
        time=None,
        days_since_first=None,
        items=(item(share),),
        cumulative=Amount(),
        fractions=1,
        source_uids=(),
    )


def event(day: dt.date, detail: str = "") -> EventEntry:
    return EventEntry(date=day, kind=EventKind.NOTE, detail=detail)


def stop_point(day: dt.date | None) -> StopPoint:
    return StopPoint(
        rule="R30", course="definitive", dose_gy=50.0, fraction=25, fractions=28, given=0, given_gy=0.0,
        state=DecisionState.DUE, stopped_on=None, date=day, readings=(), doses=(),
    )  # fmt: skip


def drawn(entries: Sequence[Entry], stop_points: Sequence[StopPoint] = ()) -> ET.Element:
    return ET.fromstring(timeline_svg(entries, stop_points))


def marks(root: ET.Element) -> list[tuple[float, str]]:
    """The middle of each session's mark, and how it is filled."""
    found = []
    for element in root.iter():
        if element.get("class") == "session":
            middle = (
                float(element.get("cx", "nan"))
                if element.tag == f"{SVG}circle"
                else float(element.get("x", "nan")) + float(element.get("width", "nan")) / 2
            )
            found.append((middle, element.get("fill", "")))
    return sorted(found)


def test_sessions_stand_where_their_days_are() -> None:
    """In one part places rise evenly with the days, from half a day after its left edge on."""
    days = [MONDAY + dt.timedelta(days=k) for k in (0, 1, 2, 28, 29)]
    found = [x for x, _ in marks(drawn([session(d) for d in days]))]
    a_day = (found[-1] - found[0]) / 29
    assert a_day == pytest.approx((WIDTH - 2 * 14) / 30, abs=0.02)
    assert found == pytest.approx([found[0] + a_day * k for k in (0, 1, 2, 28, 29)], abs=0.11)


def test_given_planned_and_parts_look_different() -> None:
    root = drawn(
        [
            session(MONDAY, state=State.DELIVERED),
            session(MONDAY + dt.timedelta(days=1), state=State.DELIVERED, share="0.5"),
            session(MONDAY + dt.timedelta(days=2)),
        ]
    )
    shapes = [(e.tag.removeprefix(SVG), e.get("fill")) for e in root.iter() if e.get("class") == "session"]
    assert shapes == [("circle", "#111111"), ("rect", "#111111"), ("circle", "#ffffff")]


def test_what_lies_far_apart_has_a_gap_with_its_length() -> None:
    early = dt.date(2024, 3, 1)
    text = timeline_svg([session(early, "prior"), session(MONDAY)], ())
    assert f"{(MONDAY - early).days} days" in text
    assert "24.0 months" in text  # 731 days


def weekdays_between(first: dt.date, last: dt.date) -> int:
    """Mondays to Fridays after one day and before another, counted one by one."""
    days = (first + dt.timedelta(days=k) for k in range(1, (last - first).days))
    return sum(d.weekday() < 5 for d in days)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=12, unique=True))
def test_breaks_are_the_weekdays_left_out(offsets: list[int]) -> None:
    days = sorted(MONDAY + dt.timedelta(days=k) for k in offsets)
    found = {(p.first, p.last): p.weekdays for p in pauses([session(d) for d in days]) if p.is_break}
    wanted = {(a, b): weekdays_between(a, b) for a, b in itertools.pairwise(days)}
    assert found == {ends: n for ends, n in wanted.items() if n}


def test_a_weekend_is_no_break_and_an_interval_is_between_courses() -> None:
    friday = MONDAY + dt.timedelta(days=4)
    entries = [
        session(friday),
        session(friday + dt.timedelta(days=3)),
        session(MONDAY + dt.timedelta(days=30), "next"),
    ]
    (only,) = pauses(entries)
    assert (only.course, only.following, only.days) == ("induction", "next", 23)
    assert "23 days" in timeline_svg(entries, ())


def day(after: int) -> dt.date:
    return MONDAY + dt.timedelta(days=after)


class TestIntervals:
    def test_it_is_counted_from_the_latest_day_of_all_that_came_before(self) -> None:
        """A course of two months with a boost in its first week, then another one."""
        entries = [session(day(0), "long"), session(day(60), "long")]
        entries += [session(day(2), "boost"), session(day(90), "next")]
        found = [p for p in pauses(entries) if not p.is_break]
        assert [(p.course, p.following, p.days) for p in found] == [("long", "next", 30)]

    def test_courses_that_overlap_have_none_between(self) -> None:
        entries = [session(day(0), "a"), session(day(4), "a"), session(day(3), "b")]
        assert all(p.is_break for p in pauses(entries))

    @pytest.mark.parametrize(
        ("prior", "undated"),
        [
            ([None, None, day(0)], 0),  # its last day is known
            ([day(0), None, None], 2),
            ([None, day(0), None], 1),
        ],
    )
    def test_sessions_without_a_date_that_may_lie_in_it_are_said(
        self, prior: list[dt.date | None], undated: int
    ) -> None:
        entries = [session(d, "prior", number=k) for k, d in enumerate(prior, 1)]
        entries += [session(day(30), "next", number=1), session(None, "next", number=2)]
        (found,) = pauses(entries)
        assert found.undated == undated
        note = f"30 days, {undated} without a date not counted" if undated else "30 days"
        assert any(w.startswith(f"{note} from prior to next") for w in timeline_words(entries, ()))

    def test_sessions_before_the_first_dated_one_are_said(self) -> None:
        entries = [session(day(0), "prior"), session(None, "next"), session(day(30), "next", number=2)]
        (found,) = pauses(entries)
        assert found.undated == 1

    def test_a_break_says_how_many_may_lie_in_it(self) -> None:
        entries = [session(d, number=k) for k, d in enumerate((day(0), None, None, day(7)), 1)]
        (found,) = pauses(entries)
        assert str(found) == "4 weekdays, 2 without a date not counted"

    def test_of_a_course_without_dates_none_is_known(self) -> None:
        entries = [session(day(0), "a"), session(None, "b"), session(day(30), "c")]
        words = timeline_words(entries, ())
        for ends in ("a to b", "b to c"):
            assert f"interval from {ends}: not known, no dates" in words
        assert "30 days, 1 without a date not counted from a to c, 2026-03-02 to 2026-04-01" in words

    def test_months_are_never_rounded_up(self) -> None:
        """168 days are 5.52 months: a rule that asks for 6 is not kept."""
        (found,) = pauses([session(day(0), "a"), session(day(168), "b")])
        assert str(found) == "168 days, 5.5 months"


def test_a_plan_that_begins_within_its_course_is_marked_and_said() -> None:
    later = replace(session(day(1), number=2), items=(replace(item(), plan_label="B", plan_uid="1.3"),))
    entries = [session(day(0)), later, replace(later, date=day(2), day=3)]
    assert "induction: plan B from day 2 on, 2026-03-03" in timeline_words(entries, ())
    root = drawn(entries)
    (mark,) = (e for e in root.iter() if e.get("class") == "plan")
    assert float(mark.get("d", "")[1:].split()[0]) == pytest.approx(marks(root)[1][0], abs=0.11)
    assert 'class="plan"' not in timeline_svg(entries[:1], ())


def texts(root: ET.Element) -> dict[str, tuple[float, float]]:
    """The texts of a picture with their places."""
    return {
        t.text or "": (float(t.get("x", "nan")), float(t.get("y", "nan"))) for t in root.iter(f"{SVG}text")
    }


def test_nothing_is_written_over_a_break() -> None:
    """Its words end above those of the course below, and an edge holds off what runs through."""
    entries = [session(day(0)), session(day(7)), session(day(3), "next")]
    root = drawn(entries)
    found = texts(root)
    assert found["next: 0 given, 1 planned"][1] - found["4 weekdays"][1] >= 12
    assert len([t for t in root.iter(f"{SVG}text") if t.text == "4 weekdays"]) == 2  # the edge and the text


def test_the_date_of_a_day_alone_stands_at_its_mark() -> None:
    root = drawn([session(day(0), "a"), session(day(400), "b")])
    for x, date in zip([x for x, _ in marks(root)], (day(0), day(400)), strict=True):
        assert texts(root)[date.isoformat()][0] == pytest.approx(x, abs=0.11)


def test_the_decision_stands_on_its_day_and_says_its_state() -> None:
    days = [MONDAY + dt.timedelta(days=k) for k in range(30)]
    root = drawn([session(d, "definitive") for d in days], [stop_point(days[20])])
    (line,) = (e for e in root.iter() if e.get("class") == "decision")
    places = [x for x, _ in marks(root)]
    assert float(line.get("d", "")[1:].split()[0]) == pytest.approx(places[20], abs=0.11)
    assert "50 Gy at fraction 25 of 28, DUE" in timeline_svg([session(days[0])], [stop_point(days[20])])
    assert "on a day that is not known" in "".join(timeline_words([session(days[0])], [stop_point(None)]))


def test_what_has_no_day_is_said() -> None:
    entries = [session(None, "prior"), session(None, "prior")]
    assert "2 without a date" in "".join(timeline_words(entries, ()))
    assert "no session or event has a date" in timeline_svg(entries, ())
    assert marks(drawn(entries)) == []


def test_nothing_is_booked() -> None:
    assert timeline_words((), ()) == ("nothing is booked",)
    drawn(())


def test_an_event_in_between_hides_no_interval() -> None:
    """The axis gives the days to the event; the interval of the courses is said beside it."""
    early, biopsy = dt.date(2024, 3, 1), dt.date(2026, 2, 10)
    text = timeline_svg([session(early, "prior"), event(biopsy), session(MONDAY)], ())
    assert ">711 days<" in text
    assert ">731 days, 24.0 months<" in text


def test_every_pause_has_its_line_from_day_to_day() -> None:
    days = [MONDAY + dt.timedelta(days=k) for k in (0, 4, 11, 90)]
    root = drawn([session(d) for d in days])
    lines = [e.get("d", "") for e in root.iter() if e.get("class") == "pause"]
    ends = [(float(d[1:].split()[0]), float(d.partition("H")[2])) for d in lines]
    places = [x for x, _ in marks(root)]
    assert ends == [pytest.approx(pair, abs=0.11) for pair in itertools.pairwise(places)]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(State))), min_size=1, max_size=12))
def test_no_session_hides_another(drawn_sessions: list[tuple[int, State]]) -> None:
    """Two circles of one day touch at most: their middles lie as far apart as their radii add up to."""
    entries = [session(MONDAY + dt.timedelta(days=k), state=s) for k, s in drawn_sessions]
    circles = [
        [float(e.get(k, "nan")) for k in ("cx", "cy", "r")]
        for e in drawn(entries).iter()
        if e.get("class") == "session"
    ]
    assert len(circles) == len(entries)
    for (x, y, r), (other_x, other_y, other_r) in itertools.combinations(circles, 2):
        assert np.hypot(x - other_x, y - other_y) >= r + other_r - 0.15


def test_a_course_without_dates_has_no_place_on_the_line() -> None:
    root = drawn([session(MONDAY), session(None, "prior")])
    assert [t.text for t in root.iter(f"{SVG}text")].count("no dates") == 1
    assert "no dates" not in timeline_svg([session(MONDAY), session(None)], ())


def test_dates_of_many_parts_do_not_overlap() -> None:
    root = drawn([session(dt.date(1990 + k, 1, 5), f"c{k}") for k in range(30)])
    shown = [t for t in root.iter(f"{SVG}text") if len(t.text or "") == 10 and (t.text or "")[4] == "-"]
    places = sorted(float(t.get("x", "nan")) for t in shown)
    assert len(places) > 5
    assert min(np.diff(places)) >= 10 * 6.0  # ten characters of 6 px at most


def test_the_words_are_clean_and_short() -> None:
    bad = LONG + chr(0x202E) + chr(0)
    entries = [session(MONDAY, bad), session(MONDAY + dt.timedelta(days=9), bad)]
    words = timeline_words([*entries, session(MONDAY + dt.timedelta(days=30), "next")], ())
    assert len(words) == 4
    assert all(len(w) < 250 and not {chr(0x202E), chr(0)} & set(w) for w in words)


def test_many_events_of_one_day_share_a_mark_and_are_all_in_the_words() -> None:
    entries = [event(MONDAY, detail=f"number {k}") for k in range(12)]
    root = drawn(entries)
    assert len([e for e in root.iter() if e.get("class") == "event"]) == 1
    words = timeline_words(entries, ())
    assert [f"number {k}" in words[k] for k in range(12)] == [True] * 12


def test_names_are_only_names() -> None:
    text = timeline_svg([session(MONDAY, SCRIPT), session(MONDAY, LONG)], ())
    assert "<script" not in text
    assert LONG[:200] not in text
    ET.fromstring(text)


DAYS = st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31))
SESSIONS = st.builds(
    session,
    st.none() | DAYS,
    st.sampled_from(["prior", "induction", "a & b <c>"]),
    st.sampled_from(list(State)),
    st.sampled_from(["1", "0.5", "0"]),
)
ENTRIES = st.lists(SESSIONS | st.builds(event, DAYS, st.text(max_size=20)), max_size=25)


@settings(max_examples=150)
@given(ENTRIES, st.lists(st.builds(stop_point, st.none() | DAYS), max_size=2))
def test_every_dated_session_has_one_mark_inside_the_picture(
    entries: list[Entry], stop_points: list[StopPoint]
) -> None:
    root = drawn(entries, stop_points)
    dated = [e for e in entries if isinstance(e, SessionEntry) and e.date is not None]
    found = marks(root)
    assert len(found) == len(dated)
    assert all(0 < x < WIDTH for x, _ in found)
    # In the order of their days: nothing later stands further left.
    order = {d: k for k, d in enumerate(sorted({e.date for e in dated if e.date}))}
    places = np.array([x for x, _ in found])
    assert len(np.unique(places)) >= len(order) or len(order) > 400
    assert root.find(f"{SVG}title") is not None
    assert root.find(f"{SVG}desc") is not None
