"""The book in the order of time, from ledgers made by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from cases import redefine
from hypothesis import given
from hypothesis import strategies as st

from dosecalc.book import Amount, Count, Entry, EventEntry, SessionEntry, counts, decimal, entries, exact
from dosecalc.courses import Treatment
from dosecalc.ledger import Ledger
from dosecalc.plans import Group, Plan, Prescription
from dosecalc.roles import AssignedPlan
from dosecalc.sessions import Contribution, NoFraction, Session, State
from dosecalc.statement import CourseStatement, Event, EventKind, PlanStatement, Statement

GIVEN, AHEAD = State.DELIVERED, State.PLANNED
NO_DOSE = "no dose in this test"


def plan(
    uid: str, roles: str, totals: Sequence[str], fractions: int | None, *, course: str = "", label: str = ""
) -> AssignedPlan:
    """A plan in its roles, blank-separated; it is called as its UID."""
    found = tuple(Prescription(dose_gy=Decimal(t)) for t in totals)
    return AssignedPlan(
        plan=Plan(uid=uid, label=label or uid.upper(), groups=(Group(number=1, fractions=fractions),)),
        roles=tuple(roles.split()),
        course=course or ("definitive" if "definitive" in roles else "induction"),
        fractions=fractions,
        prescriptions=found,
        stated=PlanStatement(uid=uid),
    )


LOW, BOOST = plan("low", "low", ["4.5"], 3), plan("boost", "boost", ["15"], 3)
SIB = plan("sib", "low boost", ["4.5", "15"], 3)
DEFINITIVE = plan("def", "definitive", ["56"], 28)


def of(uid: str, share: str = "1") -> Contribution:
    return Contribution(fraction=NoFraction(plan_uid=uid, reason=NO_DOSE), share=Decimal(share))


def march(day: int) -> dt.date:
    return dt.date(2026, 3, day)


def session(
    course: str,
    day: int,
    *given: str | tuple[str, int, str],
    on: dt.date | None = None,
    at: dt.time | None = None,
    state: State = AHEAD,
    sources: tuple[str, ...] = (),
) -> Session:
    """A visit that gives what is prescribed for a day of plans by UID, or (UID, its day, share)."""
    parts = [(g, day, "1") if isinstance(g, str) else g for g in given]
    return Session(
        course=course,
        number=day,
        day=day,
        contributions=tuple(of(uid, share) for uid, _, share in parts),
        fractions=tuple(number for _, number, _ in parts),
        state=state,
        date=on,
        time=at,
        source_uids=sources,
    )


def event(on: dt.date, kind: EventKind = EventKind.NOTE, detail: str = "") -> Event:
    return Event(kind=kind, date=on, detail=detail)


def treat(
    sessions: Sequence[Session],
    *,
    plans: Sequence[AssignedPlan] = (LOW, BOOST, DEFINITIVE),
    planned: Sequence[Session] | None = None,
    events: Sequence[Event] = (),
    lost: tuple[str, ...] = (),
    assumptions: tuple[str, ...] = (),
) -> Treatment:
    return Treatment(
        plans=tuple(plans),
        unassigned=(),
        lost=lost,
        absent=(),
        later=(),
        ledger=Ledger(sessions=tuple(sessions), events=tuple(events)),
        planned=Ledger(sessions=tuple(sessions if planned is None else planned), events=tuple(events)),
        assumptions=assumptions,
    )


def book(treatment: Treatment, statement: Statement | None = None) -> list[Entry]:
    return list(entries(treatment, redefine(), statement=statement or Statement()))


def sessions_of(treatment: Treatment, statement: Statement | None = None) -> list[SessionEntry]:
    return [e for e in book(treatment, statement) if isinstance(e, SessionEntry)]


def course_days(treatment: Treatment) -> list[str]:
    """The book in short: ``induction 1``, or the detail of an event."""
    return [e.detail if isinstance(e, EventEntry) else f"{e.course} {e.day}" for e in book(treatment)]


def counted(treatment: Treatment, course: str, statement: Statement | None = None) -> Count:
    found = counts(treatment, redefine(), statement=statement or Statement())
    return next(c for c in found if c.course == course)


def gy(*texts: str) -> list[Fraction]:
    return [Fraction(t) for t in texts]


THREE_DAYS = [session("induction", n, "low", "boost", on=march(n + 1)) for n in (1, 2, 3)]
BROKEN_OFF = [
    session("induction", 1, "low", "boost", on=march(2), state=GIVEN),
    session("induction", 2, "low", ("boost", 2, "0.5"), on=march(3), state=GIVEN),
    session("induction", 3, ("boost", 2, "0.5"), "low", "boost", on=march(4), state=GIVEN),
]


class TestSession:
    def test_everything_of_one_visit(self) -> None:
        first = session(
            "induction", 1, "low", "boost", on=march(2), at=dt.time(9, 30), state=GIVEN, sources=("1.9",)
        )
        second = session("induction", 2, "low", "boost", on=march(3))
        entry, later = sessions_of(treat([first, second]))
        assert (entry.course, entry.day, entry.state) == ("induction", 1, GIVEN)
        assert (entry.date, entry.weekday, entry.time) == (march(2), "Mon", dt.time(9, 30))
        assert (entry.days_since_first, later.days_since_first) == (0, 1)
        assert entry.source_uids == ("1.9",)
        low, boost = entry.items
        assert (low.plan_label, low.plan_uid, low.roles, low.fraction) == ("LOW", "low", ("low",), 1)
        assert (low.share, low.is_approximate, low.dose_gy) == (1, False, Fraction(3, 2))
        assert low.by_role == (("low", Fraction(3, 2)),)
        assert (boost.dose_gy, boost.lacks) == (5, NO_DOSE)
        assert entry.dose == Amount(gy=Fraction(13, 2))
        assert [e.cumulative.gy for e in (entry, later)] == gy("6.5", "13")
        assert [e.fractions for e in (entry, later)] == [1, 2]

    def test_plans_stand_in_the_order_of_the_roles(self) -> None:
        (entry,) = sessions_of(treat([session("induction", 1, "boost", "low")]))
        assert [i.plan_uid for i in entry.items] == ["low", "boost"]

    def test_of_two_prescriptions_the_highest_counts_and_each_role_has_its_own(self) -> None:
        (entry,) = sessions_of(treat([session("induction", 1, "sib")], plans=[SIB]))
        assert entry.items[0].by_role == (("low", Fraction(3, 2)), ("boost", Fraction(5)))
        assert (entry.dose.gy, entry.cumulative.gy) == (5, 5)

    def test_doses_that_do_not_end_sum_to_the_whole(self) -> None:
        uneven = plan("def", "definitive", ["50"], 27)
        found = sessions_of(treat([session("definitive", n, "def") for n in range(1, 28)], plans=[uneven]))
        assert found[0].dose.gy == Fraction(50, 27)
        assert found[-1].cumulative == Amount(gy=Fraction(50))

    def test_a_prescription_that_is_not_known_makes_lower_bounds(self) -> None:
        unknown = plan("boost", "boost", [], 3)
        found = sessions_of(treat(THREE_DAYS, plans=[LOW, unknown]))
        assert found[0].items[1].dose_gy is None
        assert found[2].cumulative == Amount(gy=Fraction(9, 2), at_least=True)
        assert found[2].fractions == 3

    def test_a_share_that_is_not_known_is_no_dose_of_0(self) -> None:
        (entry,) = sessions_of(treat([session("induction", 1, "low", ("boost", 1, "0"), state=GIVEN)]))
        assert entry.items[1].dose_gy is None
        assert entry.dose == Amount(gy=Fraction(3, 2), at_least=True)
        assert entry.fractions == 0

    def test_a_session_without_contributions_is_kept(self) -> None:
        (entry,) = sessions_of(treat([session("induction", 1)]))
        assert (entry.items, entry.dose, entry.fractions) == ((), Amount(), 0)


class TestBrokenOff:
    def test_the_parts_lie_in_their_sessions_and_the_fraction_counts_once(self) -> None:
        found = sessions_of(treat(BROKEN_OFF, planned=THREE_DAYS))
        assert [e.dose.gy for e in found] == gy("6.5", "4", "9")
        assert [e.cumulative.gy for e in found] == gy("6.5", "10.5", "19.5")
        assert [e.fractions for e in found] == [1, 1, 3]
        assert [(i.fraction, i.dose_gy) for i in found[2].items] == [(3, Fraction(3, 2)), (2, 2.5), (3, 5)]

    def test_counts_of_a_fraction_that_is_not_made_up_yet(self) -> None:
        rest = session("induction", 2, ("boost", 2, "0.5"), on=march(4))
        treatment = treat([*BROKEN_OFF[:2], rest, THREE_DAYS[2]], planned=THREE_DAYS)
        found = counted(treatment, "induction")
        assert (found.planned, found.delivered, found.begun, found.left) == (3, 1, 1, 2)
        assert found.delivered_dose.gy == Fraction("10.5")
        assert found.planned_dose.gy == found.projected_dose.gy == Fraction("19.5")

    def test_a_day_is_whole_when_each_of_its_plans_was_given(self) -> None:
        only_low = session("induction", 1, "low", on=march(2), state=GIVEN)
        boost_later = session("induction", 1, "boost", on=march(3))
        treatment = treat([only_low, boost_later], planned=THREE_DAYS[:1])
        assert [e.fractions for e in sessions_of(treatment)] == [0, 1]
        found = counted(treatment, "induction")
        assert (found.delivered, found.begun, found.left) == (0, 1, 1)

    @given(cut=st.integers(1, 999_999), day=st.integers(1, 3))
    def test_a_split_fraction_changes_no_sum(self, cut: int, day: int) -> None:
        share = Decimal(cut).scaleb(-6)
        split = [session("induction", n, "boost", state=GIVEN) for n in (1, 2, 3)]
        split[day - 1 : day] = [
            session("induction", day, ("boost", day, f"{share}"), state=GIVEN),
            session("induction", day, ("boost", day, f"{1 - share}"), state=GIVEN),
        ]
        last = sessions_of(treat(split))[-1]
        assert (last.cumulative, last.fractions) == (Amount(gy=Fraction(15)), 3)


class TestOrder:
    def test_events_stand_after_the_sessions_of_their_day(self) -> None:
        events = [event(march(n), detail=f"event {n}") for n in (9, 3, 1)]
        assert course_days(treat(THREE_DAYS, events=events)) == [
            "event 1",
            "induction 1",
            "induction 2",
            "event 3",
            "induction 3",
            "event 9",
        ]

    def test_what_is_entered_of_an_event(self) -> None:
        found = book(treat([], events=[event(march(5), EventKind.ULCER, "of the pharynx")]))
        assert found == [EventEntry(date=march(5), kind=EventKind.ULCER, detail="of the pharynx")]
        assert found[0].weekday == "Thu"

    def test_events_of_one_day_keep_their_order(self) -> None:
        events = [event(march(3), detail=d) for d in "cab"]
        assert course_days(treat([], events=events)) == ["c", "a", "b"]

    def test_undated_sessions_stand_before_the_next_dated_one_of_their_course(self) -> None:
        prior = [session("prior", n, "", state=GIVEN) for n in (1, 2)]
        prior.append(session("prior", 3, "", on=dt.date(2024, 3, 1), state=GIVEN))
        events = [event(dt.date(2024, 2, 1), detail="before"), event(dt.date(2025, 2, 1), detail="after")]
        assert course_days(treat([*prior, *THREE_DAYS], events=events)) == [
            "before",
            "prior 1",
            "prior 2",
            "prior 3",
            "after",
            "induction 1",
            "induction 2",
            "induction 3",
        ]

    def test_a_first_course_without_dates_stands_first(self) -> None:
        prior = [session("prior", n, "") for n in (1, 2)]
        events = [event(march(1), detail="before")]
        assert course_days(treat([*prior, THREE_DAYS[0]], events=events)) == [
            "prior 1",
            "prior 2",
            "before",
            "induction 1",
        ]

    def test_what_is_planned_without_dates_stands_last(self) -> None:
        later = [session("definitive", n, "def") for n in (1, 2)]
        assert course_days(treat([*THREE_DAYS, *later], events=[event(march(23), detail="anti-PD-1")])) == [
            "induction 1",
            "induction 2",
            "induction 3",
            "anti-PD-1",
            "definitive 1",
            "definitive 2",
        ]

    def test_a_visit_without_a_date_stands_after_the_one_before_it(self) -> None:
        given = [replace(BROKEN_OFF[0]), session("induction", 2, "low", "boost", state=GIVEN)]
        treatment = treat(given, events=[event(march(9), detail="later")])
        assert course_days(treatment) == ["induction 1", "induction 2", "later"]
        assert [e.days_since_first for e in sessions_of(treatment)] == [0, None]

    def test_visits_of_one_day_stand_by_time_whatever_their_course(self) -> None:
        evening = session("induction", 3, "low", on=march(4), at=dt.time(20), state=GIVEN)
        morning = session("definitive", 1, "def", on=march(4), at=dt.time(8), state=GIVEN)
        assert course_days(treat([evening, morning])) == ["definitive 1", "induction 3"]

    def test_several_visits_a_day(self) -> None:
        visits = [session("induction", n, uid, on=march(n + 1)) for n in (1, 2) for uid in ("low", "boost")]
        found = sessions_of(treat(visits, planned=visits))
        assert [e.cumulative.gy for e in found] == gy("1.5", "6.5", "8", "13")
        assert [e.fractions for e in found] == [0, 1, 1, 2]

    def test_each_course_counts_for_itself(self) -> None:
        both = [*THREE_DAYS, session("definitive", 1, "def", on=march(30))]
        last = sessions_of(treat(both))[-1]
        assert (last.cumulative.gy, last.fractions, last.days_since_first) == (2, 1, 0)


class TestReplanned:
    def test_two_plans_of_one_role_go_on_counting(self) -> None:
        first = replace(plan("one", "definitive", ["56"], 28), used=10)
        second = replace(plan("two", "definitive", ["36.9"], 18), after=10)
        sessions = [session("definitive", n, "one" if n <= 10 else "two") for n in range(1, 29)]
        treatment = treat(sessions, plans=[first, second])
        found = sessions_of(treatment)
        assert [e.fractions for e in found] == list(range(1, 29))
        (item,) = found[10].items
        assert (item.plan_label, item.fraction, item.day) == ("TWO", 1, 11)
        assert found[10].dose.gy == Fraction("2.05")
        assert found[-1].cumulative.gy == Fraction("56.9")
        assert counted(treatment, "definitive").left == 28

    def test_fractions_beyond_the_plan_are_counted(self) -> None:
        planned = [session("definitive", n, "def") for n in (1, 2)]
        given = [session("definitive", n, "def", state=GIVEN) for n in (1, 2, 3)]
        found = counted(treat(given, planned=planned), "definitive")
        assert (found.planned, found.delivered, found.left) == (2, 3, 0)
        assert found.projected_dose.gy == 6


class TestStated:
    """A course without plans."""

    @staticmethod
    def said(**fields: int | Decimal) -> Statement:
        return Statement(courses={"prior": CourseStatement(**fields)})  # type: ignore[arg-type]

    def test_numbers_give_its_dose(self) -> None:
        prior = [session("prior", n, "", state=GIVEN) for n in range(1, 34)]
        said = self.said(prescription_gy=Decimal("69.96"), fractions=33)
        found = sessions_of(treat(prior, plans=[]), said)
        assert (found[0].dose.gy, found[-1].cumulative.gy) == (Fraction("2.12"), Fraction("69.96"))
        assert found[0].items[0].lacks == NO_DOSE

    def test_without_its_fractions_one_entry_stands_for_all(self) -> None:
        treatment = treat([session("prior", 1, "", state=GIVEN)], plans=[])
        said = self.said(prescription_gy=Decimal(70))
        (entry,) = sessions_of(treatment, said)
        assert (entry.items[0].fraction, entry.dose.gy, entry.fractions) == (None, 70, None)
        found = counted(treatment, "prior", said)
        assert (found.planned, found.delivered, found.begun, found.left) == (None, None, 0, None)
        assert found.delivered_dose.gy == 70

    def test_without_its_dose_nothing_is_known(self) -> None:
        treatment = treat([session("prior", n, "", state=GIVEN) for n in (1, 2)], plans=[])
        found = counted(treatment, "prior", self.said(fractions=2))
        assert (found.delivered, found.delivered_dose) == (2, Amount(at_least=True))


def test_a_plan_of_unknown_fractions_leaves_an_unknown_number() -> None:
    unknown = plan("def", "definitive", ["56"], None)
    found = counted(treat([session("definitive", 1, "def")], plans=[unknown]), "definitive")
    assert (found.planned, found.left, found.planned_dose) == (None, None, Amount(at_least=True))


def test_delivered_and_left_are_projected() -> None:
    sessions = [replace(s, state=GIVEN) if s.day == 1 else s for s in THREE_DAYS]
    found = counted(treat(sessions), "induction")
    assert (found.planned, found.delivered, found.begun, found.left) == (3, 1, 0, 2)
    assert [a.gy for a in (found.planned_dose, found.delivered_dose, found.projected_dose)] == gy(
        "19.5", "6.5", "19.5"
    )


def test_as_data() -> None:
    uneven = plan("boost", "boost", ["50"], 27)
    treatment = treat([BROKEN_OFF[1]], plans=[LOW, uneven], events=[event(march(3), detail="x")])
    found = json.loads(json.dumps([e.to_dict() for e in book(treatment)]))
    assert found == [
        {
            "entry": "session",
            "course": "induction",
            "day": 2,
            "state": "delivered",
            "date": "2026-03-03",
            "time": None,
            "weekday": "Tue",
            "days_since_first": 0,
            "items": [
                {
                    "plan_label": "LOW",
                    "plan_uid": "low",
                    "roles": [{"name": "low", "fraction_gy": "1.5"}],
                    "fraction": 2,
                    "day": 2,
                    "share": "1",
                    "is_approximate": False,
                    "fraction_gy": "1.5",
                    "dose_gy": "1.5",
                    "lacks": NO_DOSE,
                },
                {
                    "plan_label": "BOOST",
                    "plan_uid": "boost",
                    "roles": [{"name": "boost", "fraction_gy": "50/27"}],
                    "fraction": 2,
                    "day": 2,
                    "share": "0.5",
                    "is_approximate": False,
                    "fraction_gy": "50/27",
                    "dose_gy": "25/27",
                    "lacks": NO_DOSE,
                },
            ],
            "dose": {"gy": "131/54", "at_least": False},
            "cumulative": {"gy": "131/54", "at_least": False},
            "fractions": 0,
            "source_uids": [],
        },
        {"entry": "event", "date": "2026-03-03", "weekday": "Tue", "kind": "note", "detail": "x"},
    ]
    assert counted(treatment, "induction").to_dict() == {
        "course": "induction",
        "planned": 1,
        "delivered": 0,
        "begun": 1,
        "left": 1,
        "planned_dose": {"gy": "131/54", "at_least": False},
        "delivered_dose": {"gy": "131/54", "at_least": False},
        "projected_dose": {"gy": "131/54", "at_least": False},
    }


@given(st.fractions(min_value=0, max_value=1000, max_denominator=10_000))
def test_exact_loses_nothing(value: Fraction) -> None:
    assert Fraction(exact(value)) == value


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("0", 4, "0.0000"),
        ("1/3", 4, "0.3333"),
        ("19999/20000", 2, "1.00"),
        ("50", 0, "50"),
        ("1/8", 2, "0.12"),
    ],
)
def test_decimals(value: str, places: int, text: str) -> None:
    assert decimal(Fraction(value), places=places) == text
