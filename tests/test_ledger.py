"""The book of sessions."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from factories import make_ledger, make_uniform_dose

from dosecalc.doses import (
    Beams,
    DoseGrid,
    DoseType,
    FractionGroup,
    Holds,
    OneSession,
    SeveralPlans,
    Unstated,
    WholePlan,
)
from dosecalc.errors import DosecalcError, MissingDoseError, QuantityError
from dosecalc.ledger import Ledger
from dosecalc.sessions import Contribution, GridFraction, NoFraction, Session, State


def scales(ledger: Ledger) -> list[list[float]]:
    """Of each kind of session, the factors of its grids."""
    return [
        [p.scale for c in g.contributions if isinstance(c.fraction, GridFraction) for p in c.fraction.parts]
        for g in ledger.distinct()
    ]


def test_each_dose_has_sessions_of_its_own() -> None:
    ledger = make_ledger((4.5, 3), (56.0, 28))
    assert len(ledger) == 31
    assert ledger.courses == ("course 1", "course 2")
    assert [s.number for s in ledger.course("course 2")] == list(range(1, 29))
    assert [g.count for g in ledger.distinct()] == [3, 28]
    assert scales(ledger) == [[Fraction(1, 3)], [Fraction(1, 28)]]
    assert {s.state for s in ledger} == {State.PLANNED}


def test_doses_given_together_share_their_sessions() -> None:
    ledger = make_ledger((4.5, 3), (56.0, 28), (15.0, 3), together=[(0, 2)])
    assert len(ledger) == 31
    assert ledger.courses == ("course 1", "course 2")
    assert [g.count for g in ledger.distinct()] == [3, 28]
    assert scales(ledger) == [[Fraction(1, 3), Fraction(1, 3)], [Fraction(1, 28)]]
    assert len(ledger.grids()) == 3


@pytest.mark.parametrize(
    ("holds", "scale"),
    [(WholePlan(), 0.25), (FractionGroup(number=1), 0.25), (OneSession(), 1.0)],
)
def test_what_a_grid_holds_decides_its_factor(holds: Holds, scale: float) -> None:
    ledger = Ledger.from_doses([(make_uniform_dose(gy=8, holds=holds), 4)])
    assert scales(ledger) == [[scale]]
    assert len(ledger) == 4


def unlike(dose_type: DoseType) -> DoseGrid:
    plain = make_uniform_dose(gy=8)
    return DoseGrid(lattice=plain.lattice, stored=plain.stored, uid="1.2.3", dose_type=dose_type)


@pytest.mark.parametrize(
    ("dose", "message"),
    [
        (make_uniform_dose(gy=8, holds=SeveralPlans()), "a sum of several plans cannot be divided"),
        (
            make_uniform_dose(gy=8, holds=Beams(numbers=(1, 2), one_session=False)),
            r"holds beams \(1, 2\) only, not a whole plan",
        ),
        (make_uniform_dose(gy=8, holds=Unstated()), "DoseSummationType is not stated"),
        (unlike(DoseType.EFFECTIVE), "DoseType: expected PHYSICAL, found EFFECTIVE"),
        (unlike(DoseType.UNSTATED), "DoseType: expected PHYSICAL, found UNSTATED"),
    ],
)
def test_doses_that_are_no_fractions_are_refused(dose: DoseGrid, message: str) -> None:
    with pytest.raises(QuantityError, match=f"^dose 1.2.3: .*{message}"):
        Ledger.from_doses([(dose, 4)])


@pytest.mark.parametrize(
    ("counts", "together", "message"),
    [
        ((0,), [], "dose 1.2.3: expected 1 fraction or more, found 0"),
        ((-3,), [], "dose 1.2.3: expected 1 fraction or more, found -3"),
        (
            (3, 4),
            [(0, 1)],
            r"together \(0, 1\): expected equal numbers of fractions, found \[3, 4\]",
        ),
        ((3, 3), [(0, 1), (1,)], "each index once at most, found"),
        ((3, 3), [(0, 0)], "each index once at most, found"),
        ((3, 3), [(0, 2)], "expected groups of indices of doses"),
        ((3, 3), [(-1, 0)], "expected groups of indices of doses"),
        ((3, 3), [()], "expected groups of indices of doses"),
    ],
)
def test_ledgers_that_make_no_sense_are_refused(
    counts: tuple[int, ...], together: list[tuple[int, ...]], message: str
) -> None:
    with pytest.raises(DosecalcError, match=message):
        make_ledger(*((6.0, n) for n in counts), together=together)


def test_equal_sessions_are_one_kind_even_when_others_lie_between() -> None:
    low = Ledger.from_doses([(make_uniform_dose(gy=4.5), 3)]).sessions
    high = Ledger.from_doses([(make_uniform_dose(gy=15), 3)]).sessions
    mixed = Ledger(sessions=(low[0], high[0], low[1], high[1], low[2], high[2]))
    assert [g.count for g in mixed.distinct()] == [3, 3]
    assert [s.number for s in mixed.distinct()[0].sessions] == [1, 2, 3]


def test_a_share_makes_another_kind_of_session() -> None:
    whole = Ledger.from_doses([(make_uniform_dose(gy=4.5), 2)]).sessions
    fraction = whole[0].contributions[0].fraction
    half = Contribution(fraction=fraction, share=Decimal("0.5"))
    broken_off = Session(course="course 1", number=3, day=3, contributions=(half,))
    assert [g.count for g in Ledger(sessions=(*whole, broken_off)).distinct()] == [2, 1]


def test_same_total_from_another_grid_is_another_kind() -> None:
    ledger = make_ledger((4.5, 3), (4.5, 3))
    assert [g.count for g in ledger.distinct()] == [3, 3]


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("hours", "together"),
    [((22, 25), True), ((1, 24.5), True), ((0.5, 24.6), False), ((None, 25), True), ((22, None), True)],
)
def test_one_prescribed_day_on_two_dates(hours: tuple[float | None, float | None], together: bool) -> None:
    """Less than 24 hours apart they count together, and where a time is missing on dates that follow."""
    midnight = dt.datetime(2026, 3, 2)
    sessions = tuple(
        Session(
            course="a",
            number=n,
            day=1,
            contributions=(),
            date=midnight.date() + (n - 1) * DAY,
            time=None if h is None else (midnight + dt.timedelta(hours=h)).time(),
        )
        for n, h in enumerate(hours, start=1)
    )
    assert len(Ledger(sessions=sessions).days()) == (1 if together else 2)


def at(*visits: tuple[int, float | None]) -> Ledger:
    """Sessions by prescribed day and hours after midnight of Monday; without hours, of no known time."""
    monday = dt.datetime(2026, 3, 2)
    sessions = []
    for n, (day, hours) in enumerate(visits, start=1):
        when = monday + (dt.timedelta(hours=hours) if hours is not None else (day - 1) * DAY)
        time = None if hours is None else when.time()
        sessions.append(Session(course="a", number=n, day=day, contributions=(), date=when.date(), time=time))
    return Ledger(sessions=tuple(sessions))


@pytest.mark.parametrize(
    ("visits", "days"),
    [
        # Monday's second session on Tuesday morning belongs to Monday's, and to Tuesday's seven hours later.
        ([(1, 9), (1, 32), (2, 39), (3, 57)], [[1, 2], [2, 3], [4]]),
        ([(1, None), (1, 32), (2, 39), (3, 57)], [[1, 2], [2, 3], [4]]),
        # Parts of one day's fraction at 10 h and 26 h, of which only the first is near that at 0 h.
        ([(1, 0), (1, 10), (1, 26)], [[1, 2], [2, 3]]),
        # 21:00 and 03:00 day by day: 18 h lie between two prescribed days.
        ([(1, 21), (1, 27), (2, 45), (2, 51)], [[1, 2], [3, 4]]),
        # Two prescribed days at 23:30 and 01:00.
        ([(1, 23.5), (2, 25)], [[1, 2]]),
        ([(1, 9), (2, 33), (3, 56)], [[1], [2], [3]]),
    ],
)
def test_days_by_elapsed_time(visits: list[tuple[int, float | None]], days: list[list[int]]) -> None:
    assert [[s.number for s in day] for day in at(*visits).days()] == days


def test_a_session_without_date_is_of_its_prescribed_day() -> None:
    dated = Session(course="a", number=1, day=1, contributions=(), date=dt.date(2026, 3, 2))
    undated = Session(course="a", number=2, day=1, contributions=())
    other = Session(course="a", number=3, day=2, contributions=())
    assert [len(day) for day in Ledger(sessions=(dated, undated, other)).days()] == [2, 1]


def test_visits_of_a_day_that_share_one_act_together_at_most() -> None:
    """Monday, Tuesday morning and Tuesday afternoon: as one visit, which no truth exceeds."""
    ledger = at((1, 9), (1, 32), (2, 39), (3, 57))
    fraction = make_ledger((4.5, 3)).sessions[0].contributions
    ledger = Ledger(sessions=tuple(replace(s, contributions=fraction) for s in ledger))
    assert [len(s.contributions) for s in ledger.in_one_visit_a_day()] == [3, 1]


def test_one_prescribed_day_on_dates_that_lie_apart() -> None:
    date = dt.date(2026, 3, 2)
    sessions = tuple(
        Session(course="a", number=n, day=1, contributions=(), date=date + (n - 1) * 2 * DAY) for n in (1, 2)
    )
    assert len(Ledger(sessions=sessions).days()) == 2


def test_delivered_and_remaining_are_parted() -> None:
    given = Session(course="a", number=1, day=1, contributions=(), state=State.DELIVERED)
    planned = Session(course="a", number=2, day=2, contributions=())
    ledger = Ledger(sessions=(given, planned))
    assert ledger.delivered().sessions == (given,)
    assert ledger.remaining().sessions == (planned,)


def test_days_gather_the_sessions_of_one_prescribed_day() -> None:
    visits = [(1, 1), (2, 1), (3, 2)]
    sessions = tuple(Session(course="a", number=n, day=d, contributions=()) for n, d in visits)
    other = Session(course="b", number=1, day=1, contributions=())
    days = Ledger(sessions=(*sessions, other)).days()
    assert [[(s.course, s.number) for s in day] for day in days] == [
        [("a", 1), ("a", 2)],
        [("a", 3)],
        [("b", 1)],
    ]


def partly_known() -> Ledger:
    """A session of two plans, one of unknown dose, and a course nothing is known of."""
    known = Ledger.from_doses([(make_uniform_dose(gy=4.5), 3)]).sessions[0].contributions[0]
    boost = Contribution(fraction=NoFraction(plan_uid="9", reason="plan 9: no dose"))
    prior = Contribution(fraction=NoFraction(plan_uid="", reason="prior course: no DICOM"))
    return Ledger(
        sessions=(
            Session(course="prior", number=1, day=1, contributions=(prior,)),
            Session(course="induction", number=1, day=1, contributions=(known, boost)),
            Session(course="induction", number=2, day=2, contributions=(known, boost)),
        )
    )


def test_missing_doses_are_named_once_each() -> None:
    ledger = partly_known()
    assert ledger.missing() == ("prior course: no DICOM", "plan 9: no dose")
    with pytest.raises(MissingDoseError) as caught:
        ledger.grids()
    assert str(caught.value) == "prior course: no DICOM; plan 9: no dose"


def test_a_session_that_is_known_is_its_own_known_part() -> None:
    ledger = make_ledger((4.5, 3))
    assert all(known is session for known, session in zip(ledger.known(), ledger, strict=True))
    assert ledger.known().sessions != partly_known().known().sessions


def test_content_is_that_of_all_that_gives_the_same() -> None:
    """Whether it was given changes no sum; when it was given may, and what it gives does."""
    ledger = make_ledger((4.5, 3))
    given = Ledger(sessions=tuple(replace(s, state=State.DELIVERED) for s in ledger))
    assert given.content() == ledger.content()
    assert hash(given.content()) == hash(ledger.content())
    dated = (replace(s, date=dt.date(2026, 3, 2)) for s in ledger)
    others = (make_ledger((4.5, 3)), Ledger(sessions=ledger.sessions[:2]), Ledger(sessions=tuple(dated)))
    assert all(other.content() != ledger.content() for other in others)


def test_known_part_keeps_what_has_a_dose() -> None:
    known = partly_known().known()
    assert known.missing() == ()
    assert [(s.course, len(s.contributions)) for s in known] == [("induction", 1), ("induction", 1)]
    assert len(known.grids()) == 1
