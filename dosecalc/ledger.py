"""The book of sessions: all courses in the order of treatment, and the days that their limits hold for."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeVar, cast

from dosecalc.days import days_within, hours_of, linked_days
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.sessions import (
    ALL_OF_IT,
    Contribution,
    GridFraction,
    NoFraction,
    Session,
    State,
    Stated,
    whole_dose_fraction,
)
from dosecalc.statement import Event

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """Sessions that give the same, and so need their dose only once."""

    contributions: tuple[Contribution, ...]
    sessions: tuple[Session, ...]

    @property
    def count(self) -> int:
        return len(self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistinctDay:
    """Days on which the same is given: the contributions of each session, and when it is given.

    ``hours`` count from the first session of the day; None where it is not known when one was given.
    """

    sessions: tuple[tuple[Contribution, ...], ...]
    hours: tuple[float | None, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Sessions of all courses in the order of treatment, and the events between them.

    A book is asked the same for every structure, in every quantity: what follows from its sessions is made
    once and kept with it.

    Examples
    --------
    >>> import numpy as np
    >>> from dosecalc.lattices import Lattice
    >>> axis = np.arange(3.0)
    >>> dose = DoseGrid.from_array(Lattice(x_mm=axis, y_mm=axis, z_mm=axis), np.full((3, 3, 3), 56.0))
    >>> ledger = Ledger.from_doses([(dose, 28)])
    >>> len(ledger), ledger.distinct()[0].count
    (28, 28)
    """

    sessions: tuple[Session, ...] = ()
    events: tuple[Event, ...] = ()
    _made: dict[Hashable, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_doses(
        cls,
        doses: Sequence[tuple[DoseGrid, int]],
        *,
        together: Sequence[Sequence[int]] = (),
    ) -> Ledger:
        """A ledger from doses and their numbers of fractions, for scripts.

        Parameters
        ----------
        doses : grids with the number of fractions that each is given in. A grid that holds a whole
            plan or fraction group is divided by that number; one that holds one session is not.
        together : indices of ``doses`` that are given in the same visits, for example ``[(0, 1)]``;
            such doses must have the same number of fractions. All others have visits of their own.

        Raises
        ------
        DosecalcError : for fractions below 1, an index named twice or unequal fractions in one group.
        QuantityError : for a dose that is no physical dose of one plan.
        """
        grouped = [i for group in together for i in group]
        once = len(set(grouped)) == len(grouped) and all(together)
        if not (once and set(grouped) <= set(range(len(doses)))):
            raise DosecalcError(
                f"together: expected groups of indices of doses, each index once at most, found {together}"
            )
        groups = {min(group): tuple(group) for group in together}
        sessions: list[Session] = []
        for first in (i for i in range(len(doses)) if i in groups or i not in grouped):
            members = groups.get(first, (first,))
            counts = {doses[i][1] for i in members}
            if len(counts) != 1:
                raise DosecalcError(
                    f"together {members}: expected equal numbers of fractions, found {sorted(counts)}"
                )
            contributions = tuple(
                Contribution(fraction=whole_dose_fraction(doses[i][0], doses[i][1])) for i in members
            )
            sessions.extend(
                Session(course=f"course {first + 1}", number=n, day=n, contributions=contributions)
                for n in range(1, counts.pop() + 1)
            )
        return cls(sessions=tuple(sessions))

    def __iter__(self) -> Iterator[Session]:
        return iter(self.sessions)

    def __len__(self) -> int:
        return len(self.sessions)

    def _once(self, what: Hashable, make: Callable[[], _Made]) -> _Made:
        """What follows from the sessions, made when it is first asked for."""
        if what not in self._made:
            self._made[what] = make()
        return cast(_Made, self._made[what])

    @property
    def courses(self) -> tuple[str, ...]:
        """Names of the courses, in the order of treatment."""
        return self._once("courses", lambda: tuple(dict.fromkeys(s.course for s in self.sessions)))

    def where(self, keep: Callable[[Session], bool]) -> Ledger:
        """The ledger of the sessions that ``keep`` accepts, with all events."""
        return Ledger(sessions=tuple(s for s in self.sessions if keep(s)), events=self.events)

    def days(self) -> tuple[tuple[Session, ...], ...]:
        """Sessions that a limit per day holds for together: each with those after it that are of one day.

        They are of one course and less than 24 hours apart if of one prescribed day, less than 12 if of two.
        Without a time, those of one date count as so near, and those of one prescribed day on dates that
        follow one another; without a date, those of one prescribed day. A session may belong to two such
        days: the rest of Monday's fraction on Tuesday morning.
        """
        return self._once("days", lambda: days_within(self.sessions))

    def _linked(self) -> tuple[tuple[Session, ...], ...]:
        return self._once("linked", lambda: linked_days(self.sessions))

    def in_one_visit_a_day(self) -> Ledger:
        """The same treatment with all that is given in one day taken as one session.

        Repair between two sessions of a day is not complete: their effect lies between that of this
        ledger and that of the ledger as it is.
        """
        return self._once("in one visit", lambda: self._merged(lambda _: True))

    def untimed_in_one_visit(self) -> Ledger:
        """The same, of days only of which it is not known how far apart in time their sessions are."""
        return self._once("untimed in one", lambda: self._merged(lambda day: None in hours_of(day)))

    def _merged(self, merges: Callable[[tuple[Session, ...]], bool]) -> Ledger:
        sessions: list[Session] = []
        for day in self._linked():
            if len(day) > 1 and merges(day):
                sessions.append(day[0].of(n for s in day for n in s.numbered()))
            else:
                sessions.extend(day)
        return Ledger(sessions=tuple(sessions), events=self.events)

    def distinct_days(self) -> tuple[DistinctDay, ...]:
        """Equal days grouped, in the order of their first."""
        return self._once("distinct days", self._distinct_days)

    def _distinct_days(self) -> tuple[DistinctDay, ...]:
        counts = Counter((tuple(s.contributions for s in day), hours_of(day)) for day in self._linked())
        return tuple(
            DistinctDay(sessions=sessions, hours=hours, count=count)
            for (sessions, hours), count in counts.items()
        )

    def without(self, others: Ledger) -> Ledger:
        """The ledger less the sessions of another."""
        out = set(map(id, others.sessions))
        return self.where(lambda s: id(s) not in out)

    def course(self, *names: str) -> Ledger:
        """The ledger of some courses alone."""
        return self._once(("course", names), lambda: self.where(lambda s: s.course in names))

    def as_of(self, day: dt.date) -> Ledger:
        """The ledger as it stood on a day: later sessions are ahead, later events not known."""
        sessions = tuple(
            replace(s, state=State.PLANNED) if s.date is not None and s.date > day else s
            for s in self.sessions
        )
        return Ledger(sessions=sessions, events=tuple(e for e in self.events if e.date <= day))

    def after(self, course: str, day: int) -> Ledger:
        """The ledger as it stands after a prescribed day of a course, and before the next.

        Raises
        ------
        DosecalcError : if there is no such course, or no such day in it.
        """
        order = self.courses
        if course not in order or all(s.day != day for s in self.course(course)):
            raise DosecalcError(
                f"ledger: no fraction {day} of a {course!r} course; there are: "
                + (", ".join(f"{c} 1 to {max(s.day for s in self.course(c))}" for c in order) or "none")
            )
        place = order.index(course)
        sessions = tuple(
            replace(
                s,
                state=State.DELIVERED if (order.index(s.course), s.day) <= (place, day) else State.PLANNED,
            )
            for s in self.sessions
        )
        ahead = [s.date for s in sessions if s.state is State.PLANNED and s.date is not None]
        known = tuple(e for e in self.events if not ahead or e.date < min(ahead))
        return Ledger(sessions=sessions, events=known)

    def extremes(self) -> tuple[Ledger, ...]:
        """The sessions with what is approximate taken as nothing, and as all, where its parts lie.

        What part of its dose a broken-off fraction gave at a point is not known: effect is most where one
        of its sessions gave all of it there, the first or the last of them.
        """
        return self._once("extremes", self._extremes)

    def _extremes(self) -> tuple[Ledger, ...]:
        without = (s.of(n for n in s.numbered() if not n[0].is_approximate) for s in self.sessions)
        nothing = Ledger(sessions=tuple(s for s in without if s.contributions), events=self.events)
        first = self._whole_once()
        last = Ledger(sessions=self.sessions[::-1], events=self.events)._whole_once()
        return nothing, first, Ledger(sessions=last.sessions[::-1], events=self.events)

    def _whole_once(self) -> Ledger:
        """Fractions that were given in parts, whole and where their first part lies."""
        begun: set[tuple[str, int]] = set()
        sessions = []
        for session in self.sessions:
            kept = []
            for c, number in session.numbered():
                key = c.fraction.plan_uid, number
                if not c.is_approximate:
                    kept.append((c, number))
                elif key not in begun:
                    kept.append((Contribution(fraction=c.fraction), number))
                    begun.add(key)
            if kept:
                sessions.append(session.of(kept))
        return Ledger(sessions=tuple(sessions), events=self.events)

    @property
    def is_approximate(self) -> bool:
        """Whether any contribution is a part of a dose that was computed for the whole only."""
        return self._once(
            "approximate", lambda: any(c.is_approximate for s in self.sessions for c in s.contributions)
        )

    def whole_days(self) -> tuple[int, ...]:
        """Prescribed days of which everything is in these sessions of one course, ascending.

        A fraction that was broken off counts once, when its parts make it up.
        """
        given: dict[tuple[str, int], Decimal] = {}
        for session in self.sessions:
            for c, number in session.numbered():
                key = c.fraction.plan_uid, number
                given[key] = given.get(key, Decimal(0)) + c.share
        open_days = {day for (_, day), share in given.items() if share < ALL_OF_IT}
        return tuple(sorted({day for _, day in given} - open_days))

    def of_plan(self, uid: str) -> Ledger:
        """What one plan gives, by itself."""
        sessions = (s.of(n for n in s.numbered() if n[0].fraction.plan_uid == uid) for s in self.sessions)
        return Ledger(sessions=tuple(s for s in sessions if s.contributions), events=self.events)

    def delivered(self) -> Ledger:
        return self._once("delivered", lambda: self.where(lambda s: s.state is State.DELIVERED))

    def remaining(self) -> Ledger:
        return self.where(lambda s: s.state is State.PLANNED)

    def distinct(self) -> tuple[Distinct, ...]:
        """Equal sessions grouped, in the order of their first."""
        return self._once("distinct", self._distinct)

    def _distinct(self) -> tuple[Distinct, ...]:
        groups: dict[tuple[Contribution, ...], list[Session]] = {}
        for session in self.sessions:
            groups.setdefault(session.contributions, []).append(session)
        return tuple(
            Distinct(contributions=contributions, sessions=tuple(members))
            for contributions, members in groups.items()
        )

    def missing(self, structure: str | None = None) -> tuple[str, ...]:
        """Why dose distributions of this ledger are not known, each reason once; empty where all are.

        Of a structure those are left out of which numbers are known.
        """
        return self._once(("missing", structure), lambda: self._missing(structure))

    def _missing(self, structure: str | None) -> tuple[str, ...]:
        return tuple(
            dict.fromkeys(
                c.fraction.reason
                for s in self.sessions
                for c in s.contributions
                if isinstance(c.fraction, NoFraction)
                and not (structure and c.fraction.stated and c.fraction.stated.of(structure))
            )
        )

    def stated(self, structure: str) -> tuple[tuple[Stated, int], ...]:
        """Courses that are known as numbers for a structure, with how many of their sessions are here."""
        return self._once(("stated", structure), lambda: self._stated(structure))

    def _stated(self, structure: str) -> tuple[tuple[Stated, int], ...]:
        return tuple(
            Counter(
                c.fraction.stated
                for s in self.sessions
                for c in s.contributions
                if isinstance(c.fraction, NoFraction)
                and c.fraction.stated
                and c.fraction.stated.of(structure)
            ).items()
        )

    def known(self) -> Ledger:
        """The same sessions with only the contributions whose dose is known: a lower bound of the sum."""
        return self._once("known", self._known)

    def _known(self) -> Ledger:
        sessions = (_known_part(s) for s in self.sessions)
        return Ledger(sessions=tuple(s for s in sessions if s is not None), events=self.events)

    def content(self) -> tuple[Hashable, ...]:
        """What a sum over the ledger rests on: the same for all that give the same, be it given or ahead."""
        return self._once("content", self._content)

    def _content(self) -> tuple[Hashable, ...]:
        return tuple(
            (s.course, s.day, s.date, s.time, s.hours, s.contributions, s.fractions) for s in self.sessions
        )

    def grids(self) -> tuple[DoseGrid, ...]:
        """Every dose grid of the ledger once.

        Raises
        ------
        MissingDoseError : if the dose of a fraction is not known.
        """
        missing = self.missing()
        if missing:
            raise MissingDoseError("; ".join(missing))
        return self._once("grids", self._grids)

    def _grids(self) -> tuple[DoseGrid, ...]:
        found = {
            id(part.dose): part.dose
            for group in self.distinct()
            for c in group.contributions
            if isinstance(c.fraction, GridFraction)
            for part in c.fraction.parts
        }
        return tuple(found.values())


def _known_part(session: Session) -> Session | None:
    """Most sessions are known whole or not at all; books are asked for it often."""
    known = [isinstance(c.fraction, GridFraction) for c in session.contributions]
    if not any(known):
        return None
    if all(known):
        return session
    return session.of(itertools.compress(session.numbered(), known))
