"""The book of a case by hand: what was given on which day, and which days are left.

The treatment records are written from it, and what must come out is derived from it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cases
from cases import CaseSpec, Link, PlanSpec, Progress

STOP_FRACTION = 25  # ceil(50 Gy / 2 Gy)
BEAMS = 5  # of each plan, all of the same meterset
WHOLE = (1.0,) * BEAMS


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one visit gives of a plan: of each beam, how many times its part in a fraction."""

    plan: PlanSpec
    beams: tuple[float, ...] = WHOLE

    @property
    def share(self) -> float:
        """The same of the whole fraction, by meterset."""
        return sum(self.beams) / BEAMS

    def doses(self) -> list[tuple[PlanSpec, float]]:
        """What has a grid of its own, and how much of that: the plan by its share, or each beam by itself."""
        beams = self.plan.beams()
        return list(zip(beams, self.beams, strict=True)) if beams else [(self.plan, self.share)]

    def at_most(self) -> Part:
        """The most that it can have been: what has a grid of its own and was begun might be whole."""
        if self.plan.beam_fields:
            return replace(self, beams=tuple(float(math.ceil(part)) for part in self.beams))
        return replace(self, beams=(float(math.ceil(self.share)),) * BEAMS)

    def at_least(self) -> Part:
        """The least that it can have been at any point: what is whole of what has a grid of its own."""
        if self.plan.beam_fields:
            return replace(self, beams=tuple(float(math.floor(part)) for part in self.beams))
        return replace(self, beams=(float(math.floor(self.share)),) * BEAMS)

    def and_also(self, beams: tuple[float, ...]) -> Part:
        return replace(self, beams=tuple(a + b for a, b in zip(self.beams, beams, strict=True)))


Session = tuple[Part, ...]  # what one visit gives


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What one treatment record holds: a fraction of a plan, or a part of it, at one time."""

    plan: PlanSpec
    fraction: int
    day: dt.date
    time: str
    beams: tuple[float, ...] = WHOLE  # part of each
    continued: bool = False
    images: bool = False

    @property
    def share(self) -> float:
        return sum(self.beams) / BEAMS


def frame_word(case: CaseSpec, image: str) -> str:
    """The word that the UID of a frame of reference is made from; images: treatment, definitive, prior."""
    own = {"definitive": case.new_ct, "prior": case.link is not Link.ONE_FRAME}
    return f"{case.name} {image}" if own.get(image) else case.name


def weekdays(first: dt.date, count: int, *, off_after: int = 0, off: int = 0) -> list[dt.date]:
    """Weekdays from a first one, ``off`` of them left out after the first ``off_after``."""
    found: list[dt.date] = []
    day = first
    while len(found) < count + off:
        if day.weekday() < 5:  # Saturday is 5
            found.append(day)
        day += dt.timedelta(days=1)
    return found[:off_after] + found[off_after + off :]


def induction_days() -> list[dt.date]:
    return [dt.date.fromisoformat(day) for day in cases.INDUCTION_DATES]


def definitive_days(case: CaseSpec) -> list[dt.date]:
    """Days of all 28 fractions: as given, and one a weekday from there on."""
    first = dt.date.fromisoformat(cases.DEFINITIVE_FIRST_DATE)
    if case.progress is None:
        return weekdays(first, 28)
    return weekdays(first, 28, off_after=case.progress.days_off_after, off=case.progress.days_off)


def given_definitive(case: CaseSpec) -> int:
    return case.progress.definitive if case.progress else 0


def stopped(case: CaseSpec) -> bool:
    """Whether the treatment ended at 50 Gy, so that nothing of the plans is ahead."""
    at_50_gy = given_definitive(case) == STOP_FRACTION
    return bool(at_50_gy and case.progress and case.progress.complete_response)


def drug_days() -> list[dt.date]:
    """Days of anti-PD-1: 1 and 22, the first day of the induction being day 1."""
    return [induction_days()[0] + dt.timedelta(days=n) for n in (0, 21)]


def as_of(case: CaseSpec) -> dt.date:
    """The last day with treatment."""
    return max(delivery.day for delivery in deliveries(case))


def drugs_given(case: CaseSpec) -> list[dt.date]:
    """Those of them that are entered: all up to the last day with treatment."""
    return [day for day in drug_days() if case.progress and day <= as_of(case)]


def days_left(case: CaseSpec) -> list[dt.date]:
    """Days of the definitive fractions that the plan still has."""
    return definitive_days(case)[given_definitive(case) :]


def deliveries(case: CaseSpec) -> list[Delivery]:
    """All that was given, in the order of time: the low dose at 9:00, the boost some minutes after."""
    if case.progress is None:
        return []
    plans = {p.key: p for p in case.plans()}
    found = []
    for number, day in enumerate(induction_days(), start=1):
        found.append(Delivery(plan=plans["low"], fraction=number, day=day, time="090000"))
        found.extend(_boost(plans["boost"], number, day, case.progress))
    days = definitive_days(case)[: case.progress.definitive]
    for (plan, number), day in zip(definitive_fractions(case), days, strict=False):
        images = number == case.progress.images
        found.append(Delivery(plan=plan, fraction=number, day=day, time="083000", images=images))
    return found


def definitive_fractions(case: CaseSpec) -> list[tuple[PlanSpec, int]]:
    """Plan and number in it of each fraction of the definitive course."""
    return [(plan, number) for plan in case.definitive_plans() for number in range(1, plan.days + 1)]


def _boost(plan: PlanSpec, number: int, day: dt.date, progress: Progress) -> list[Delivery]:
    """The boost of a day; what is left of the fraction broken off on the day before comes first."""
    broken_off, left = progress.broken_off, tuple(1 - part for part in progress.begun)
    rest = Delivery(plan=plan, fraction=broken_off, day=day, time="091200", beams=left, continued=True)
    if number == broken_off:
        return [Delivery(plan=plan, fraction=number, day=day, time="091200", beams=progress.begun)]
    whole = Delivery(plan=plan, fraction=number, day=day, time="092400" if broken_off else "091200")
    return [rest, whole] if broken_off and number == broken_off + 1 else [whole]


def given_sessions(case: CaseSpec) -> list[tuple[dt.date, Session]]:
    """Day and content of every visit: no day has more than one, an hour at most from first to last."""
    by_day: dict[dt.date, dict[PlanSpec, Part]] = {}
    for delivery in deliveries(case):
        given = by_day.setdefault(delivery.day, {})
        so_far = given.get(delivery.plan)
        one = Part(plan=delivery.plan, beams=delivery.beams)
        given[delivery.plan] = so_far.and_also(delivery.beams) if so_far else one
    return [(day, tuple(given.values())) for day, given in by_day.items()]


def sessions(case: CaseSpec, *, ahead: bool = True) -> Counter[Session]:
    """Sessions of all courses with a dose, equal ones counted; ``ahead``: with what is still to come.

    What was not begun is given whole; plans of one course are given together, the definitive ones in turn.
    """
    found = Counter(session for _, session in given_sessions(case))
    left: list[Session] = [(Part(plan=p),) for p, _ in definitive_fractions(case)][given_definitive(case) :]
    if case.progress is None:
        together = tuple(Part(plan=p) for p in case.induction())
        left = [together] * together[0].plan.fractions + left
    if ahead and not stopped(case):
        found.update(left)
    for plan in case.plans():
        if plan.course == "prior":
            found[(Part(plan=plan),)] += plan.fractions
    return found


def of_course(found: Counter[Session], course: str) -> list[Session]:
    return [session for session in found if session[0].plan.course == course]


def at_most(session: Session) -> Session:
    """The most that a session can have given."""
    return tuple(part.at_most() for part in session)


def in_parts(session: Session) -> bool:
    return any(part.share != 1 for part in session)


def busiest_week(days: Sequence[dt.date]) -> int:
    """The most days in one ISO week."""
    return max(Counter(day.isocalendar()[:2] for day in days).values())
