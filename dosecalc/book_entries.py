"""What stands in the book: sessions with what they give, events, and the counts of a course."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from dosecalc.amounts import Amount, exact, exact_or_none
from dosecalc.sessions import State
from dosecalc.statement import EventKind

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What a session gives of one fraction of one plan, or of a course that is known as numbers only.

    ``whole_gy`` is the prescribed dose of one whole fraction to the reference of the plan's highest
    prescription, ``by_role`` that of the prescription of each role. ``share`` is the part of it that the
    session gives, by meterset; 0 where a part was given that is not known. ``fraction`` counts those of
    the plan, ``day`` is the prescribed day of the course that it belongs to; ``fraction`` is None where
    the number of fractions of a course is not known, so that one entry stands for all of it. ``lacks``
    says why there is no dose distribution.
    """

    plan_label: str
    plan_uid: str
    by_role: tuple[tuple[str, Fraction | None], ...]
    fraction: int | None
    day: int
    share: Decimal
    is_approximate: bool
    whole_gy: Fraction | None
    lacks: str = ""

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.by_role)

    @property
    def dose_gy(self) -> Fraction | None:
        """Prescribed dose per fraction times share, or None where either is not known."""
        return None if self.whole_gy is None or self.share == 0 else self.whole_gy * Fraction(self.share)

    @property
    def amount(self) -> Amount:
        return Amount(gy=self.dose_gy or Fraction(0), at_least=self.dose_gy is None)

    def to_dict(self) -> dict[str, object]:
        return {
            "plan_label": self.plan_label,
            "plan_uid": self.plan_uid,
            "roles": [{"name": name, "fraction_gy": exact_or_none(gy)} for name, gy in self.by_role],
            "fraction": self.fraction,
            "day": self.day,
            "share": exact(Fraction(self.share)),
            "is_approximate": self.is_approximate,
            "fraction_gy": exact_or_none(self.whole_gy),
            "dose_gy": exact_or_none(self.dose_gy),
            "lacks": self.lacks,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEntry:
    """One visit: what it gives, and what the course has had with it.

    ``days_since_first`` counts from the first session of the course, ``fractions`` are the whole
    fractions of the course so far: prescribed days of which nothing is missing. Doses of plans that are
    given in one session add, though their references may be different structures.
    """

    course: str
    day: int
    state: State
    date: dt.date | None
    time: dt.time | None
    days_since_first: int | None
    items: tuple[Item, ...]
    cumulative: Amount
    fractions: int | None
    source_uids: tuple[str, ...]

    @property
    def weekday(self) -> str:
        return WEEKDAYS[self.date.weekday()] if self.date else ""

    @property
    def dose(self) -> Amount:
        return sum((i.amount for i in self.items), Amount())

    def to_dict(self) -> dict[str, object]:
        return {
            "entry": "session",
            "course": self.course,
            "day": self.day,
            "state": self.state.value,
            "date": self.date.isoformat() if self.date else None,
            "time": self.time.isoformat() if self.time else None,
            "weekday": self.weekday or None,
            "days_since_first": self.days_since_first,
            "items": [i.to_dict() for i in self.items],
            "dose": self.dose.to_dict(),
            "cumulative": self.cumulative.to_dict(),
            "fractions": self.fractions,
            "source_uids": list(self.source_uids),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEntry:
    """Something that was entered for a day; it stands after the sessions of that day."""

    date: dt.date
    kind: EventKind
    detail: str

    @property
    def weekday(self) -> str:
        return WEEKDAYS[self.date.weekday()]

    def to_dict(self) -> dict[str, object]:
        return {
            "entry": "event",
            "date": self.date.isoformat(),
            "weekday": self.weekday,
            "kind": self.kind.value,
            "detail": self.detail,
        }


Entry = SessionEntry | EventEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A course in whole fractions and prescribed doses; None where a number is not known.

    ``begun`` fractions were given in part and are among those ``left``. ``projected`` is what was given
    and what is left.
    """

    course: str
    planned: int | None
    delivered: int | None
    begun: int
    left: int | None
    planned_dose: Amount
    delivered_dose: Amount
    projected_dose: Amount

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "planned": self.planned,
            "delivered": self.delivered,
            "begun": self.begun,
            "left": self.left,
            "planned_dose": self.planned_dose.to_dict(),
            "delivered_dose": self.delivered_dose.to_dict(),
            "projected_dose": self.projected_dose.to_dict(),
        }
