"""The book in the order of time: one entry a session and one an event, in prescribed doses, exact."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from dosecalc.amounts import Amount, decimal, exact
from dosecalc.book_entries import WEEKDAYS, Count, Entry, EventEntry, Item, SessionEntry
from dosecalc.courses import Treatment
from dosecalc.ledger import Ledger
from dosecalc.protocol import Protocol
from dosecalc.roles import AssignedPlan, prescription_for
from dosecalc.sessions import Contribution, NoFraction, Session, State
from dosecalc.statement import CourseStatement, Event, Statement

__all__ = [
    "WEEKDAYS",
    "Amount",
    "Count",
    "Entry",
    "EventEntry",
    "Item",
    "SessionEntry",
    "counts",
    "decimal",
    "entries",
    "exact",
]

NOTHING_STATED = Statement()

_Moment = tuple[dt.date, dt.time]
_FIRST, _LAST = (dt.date.min, dt.time.min), (dt.date.max, dt.time.max)
_Key = tuple[str, int]  # plan, and the prescribed day of the course that a fraction of it belongs to


def entries(
    treatment: Treatment, protocol: Protocol, *, statement: Statement = NOTHING_STATED
) -> tuple[Entry, ...]:
    """The book of a treatment, in the order of time.

    A session without a date stands before the next dated one of its course. Where there is none, it
    stands after the session before it in the ledger, but a planned one of a later course as late as the
    order of the ledger allows.

    Parameters
    ----------
    statement : gives the prescriptions of courses that are known as numbers only

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.courses import build_treatment
    >>> from dosecalc.protocol import load_protocol
    >>> case, protocol = read_case("sample_plans/redefine_broken_off"), load_protocol("redefine")
    >>> book = entries(build_treatment(case, protocol), protocol, statement=case.statement)
    >>> for entry in book[-30:-27]:
    ...     print(entry.date, [(i.plan_label, i.fraction, str(i.share)) for i in entry.items], entry.dose.gy)
    2026-03-03 [('LOW', 2, '1'), ('BOOST', 2, '0.5')] 4
    2026-03-04 [('LOW', 3, '1'), ('BOOST', 2, '0.5'), ('BOOST', 3, '1')] 9
    2026-03-30 [('DEFINITIVE', 1, '1')] 2
    """
    ledger = treatment.ledger
    found: list[tuple[_Moment, int, Session | Event]] = [
        *((moment, 0, s) for moment, s in zip(_moments(ledger.sessions), ledger.sessions, strict=True)),
        *(((e.date, dt.time.max), 1, e) for e in ledger.events),
    ]
    found.sort(key=lambda item: item[:2])
    tallies = {c: _Tally.of(treatment, c) for c in ledger.courses}
    first: dict[str, dt.date | None] = {}
    entered: list[Entry] = []
    for _, _, what in found:
        if isinstance(what, Event):
            entered.append(EventEntry(date=what.date, kind=what.kind, detail=what.detail))
            continue
        items = _items(what, treatment, protocol, statement)
        tally = tallies[what.course]
        tally.add(items)
        begun = first.setdefault(what.course, what.date)
        entered.append(
            SessionEntry(
                course=what.course,
                day=what.day,
                state=what.state,
                date=what.date,
                time=what.time,
                days_since_first=(what.date - begun).days if what.date and begun else None,
                items=items,
                cumulative=tally.amount,
                fractions=tally.whole,
                source_uids=what.source_uids,
            )
        )
    return tuple(entered)


def counts(
    treatment: Treatment, protocol: Protocol, *, statement: Statement = NOTHING_STATED
) -> tuple[Count, ...]:
    """Every course of a treatment as planned, as delivered, and with what is left."""
    return tuple(
        _count(treatment, protocol, statement, course)
        for course in dict.fromkeys((*treatment.ledger.courses, *treatment.planned.courses))
    )


def _count(treatment: Treatment, protocol: Protocol, statement: Statement, course: str) -> Count:
    def tally(ledger: Ledger) -> _Tally:
        found = _Tally.of(treatment, course)
        for session in ledger.course(course):
            found.add(_items(session, treatment, protocol, statement))
        return found

    planned, given = tally(treatment.planned), tally(treatment.ledger.delivered())
    projected = tally(treatment.ledger)
    known = all(p.fractions is not None for p in treatment.of_course(course))
    whole, days = given.whole, projected.days
    return Count(
        course=course,
        planned=len(planned.days) if known and planned.whole is not None else None,
        delivered=whole,
        begun=len(given.days) - (whole or 0) if whole is not None else 0,
        left=len(days) - whole if known and whole is not None and projected.whole is not None else None,
        planned_dose=planned.amount,
        delivered_dose=given.amount,
        projected_dose=projected.amount,
    )


@dataclass(slots=True)
class _Tally:
    """What a course has had so far, of what is prescribed for its days."""

    prescribed: frozenset[_Key]
    given: dict[_Key, Fraction] = field(default_factory=dict)
    amount: Amount = Amount()
    is_counted: bool = True

    @classmethod
    def of(cls, treatment: Treatment, course: str) -> _Tally:
        planned = treatment.planned.course(course)
        return cls(frozenset((c.fraction.plan_uid, day) for s in planned for c, day in s.numbered()))

    def add(self, items: Sequence[Item]) -> None:
        for item in items:
            key = item.plan_uid, item.day
            self.given[key] = self.given.get(key, Fraction(0)) + Fraction(item.share)
            self.amount += item.amount
            self.is_counted = self.is_counted and item.fraction is not None

    @property
    def days(self) -> set[int]:
        """Prescribed days of which anything was given; 0 is none."""
        return {day for _, day in self.given if day}

    @property
    def whole(self) -> int | None:
        """Prescribed days of which nothing is missing; None where fractions are not counted."""
        if not self.is_counted:
            return None
        short = {day for (_, day), share in self.given.items() if share < 1}
        short |= {day for _, day in self.prescribed - self.given.keys()}
        return len(self.days - short)


def _items(
    session: Session, treatment: Treatment, protocol: Protocol, statement: Statement
) -> tuple[Item, ...]:
    """What a session gives, plan by plan in the order of the protocol's roles."""
    plans = {p.plan.uid: p for p in treatment.plans}
    order = [r.name for r in protocol.roles]
    found = []
    for contribution, day in session.numbered():
        plan = plans.get(contribution.fraction.plan_uid)
        if plan is None:
            found.append((len(order), _stated_item(contribution, day, statement.course(session.course))))
        else:
            place = min((order.index(r) for r in plan.roles), default=len(order))
            found.append((place, _planned_item(contribution, day, plan, protocol)))
    return tuple(item for _, item in sorted(found, key=lambda f: f[0]))


def _planned_item(contribution: Contribution, day: int, plan: AssignedPlan, protocol: Protocol) -> Item:
    def per_fraction(prescription_gy: Decimal | None) -> Fraction | None:
        if prescription_gy is None or plan.fractions is None:
            return None
        return Fraction(prescription_gy) / plan.fractions

    highest = plan.prescription
    by_role = []
    for name in plan.roles:
        own = prescription_for(plan, protocol.role(name))
        by_role.append((name, per_fraction(own.dose_gy if own else None)))
    return _item(
        contribution,
        plan_label=plan.plan.label,
        by_role=tuple(by_role),
        fraction=max(day - plan.after, 0),
        day=day,
        whole_gy=per_fraction(highest.dose_gy if highest else None),
    )


def _stated_item(contribution: Contribution, day: int, said: CourseStatement) -> Item:
    """Of a course without plans: of unknown fractions, its one session stands for all of them."""
    total = said.prescription_gy
    return _item(
        contribution,
        plan_label="",
        by_role=(),
        fraction=None if said.fractions is None and total is not None else day,
        day=day,
        whole_gy=None if total is None else Fraction(total) / (said.fractions or 1),
    )


def _item(
    contribution: Contribution,
    *,
    plan_label: str,
    by_role: tuple[tuple[str, Fraction | None], ...],
    fraction: int | None,
    day: int,
    whole_gy: Fraction | None,
) -> Item:
    dose = contribution.fraction
    return Item(
        plan_label=plan_label,
        plan_uid=dose.plan_uid,
        by_role=by_role,
        fraction=fraction,
        day=day,
        share=contribution.share,
        is_approximate=contribution.is_approximate,
        whole_gy=whole_gy,
        lacks=dose.reason if isinstance(dose, NoFraction) else "",
    )


def _moments(sessions: Sequence[Session]) -> list[_Moment]:
    """Where each session stands in time; several of one moment keep their order."""
    own_next: dict[str, _Moment] = {}
    any_next = _LAST
    ahead: list[tuple[_Moment | None, _Moment]] = []
    for session in reversed(sessions):
        if session.date is not None:
            any_next = session.date, session.time or dt.time.max
            own_next[session.course] = any_next
        ahead.append((own_next.get(session.course), any_next))
    found: list[_Moment] = []
    for session, (own, following) in zip(sessions, reversed(ahead), strict=True):
        if own is not None:
            found.append(own)
        elif session.state is State.DELIVERED or session.course == sessions[0].course:
            found.append(found[-1] if found else _FIRST)
        else:
            found.append(following)
    return found
