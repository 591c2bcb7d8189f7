"""What DICOM cannot say and a person states: roles, sessions, dates, prior courses, events."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from dosecalc.envelopes import Numbers


class Grouping(enum.Enum):
    """How the plans of one course share visits."""

    ONE_SESSION = "one_session"
    SEPARATE_SESSIONS = "separate_sessions"


class EventKind(enum.Enum):
    """What a person may enter; nothing of it is ever inferred from dose."""

    ANTI_PD1 = "anti_pd1"
    COMPLETE_RESPONSE = "complete_response"
    INCOMPLETE_RESPONSE = "incomplete_response"
    ULCER = "ulcer"
    STOPPED = "stopped"  # the course under way was ended, for whatever reason
    RECURRENCE = "recurrence"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened on a day, with where it is stated; ``dose_mg`` is that of a drug."""

    kind: EventKind
    date: dt.date
    detail: str = ""
    dose_mg: Decimal | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStatement:
    """What is stated of one plan; ``ignore`` is the reason why its dose is not part of the treatment.

    ``roles`` are names from the protocol: one, or several where one plan holds them (a simultaneous
    boost is both low and boost). ``replaces`` is the plan that it took the place of midway, which gave
    ``delivered`` fractions until then, where no treatment records say so. ``effective`` declares, in words,
    that its EFFECTIVE dose (weighted by RBE) is to be taken as dose.
    """

    uid: str
    roles: tuple[str, ...] = ()
    target: str | int | None = None  # name or ROI Number of the structure its prescription is for
    prescription_gy: Decimal | None = None
    dose_uids: tuple[str, ...] = ()
    fractions: int | None = None
    replaces: str = ""
    delivered: int | None = None
    effective: str = ""
    ignore: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseStatement:
    """What is stated of one course of the protocol.

    ``dates`` are those of its sessions in order; with ``first_date`` alone, weekdays are counted on
    from it. ``prescription_gy`` and ``fractions`` describe a course of which no DICOM is at hand.
    ``delivered`` is the number of its sessions given so far. ``hours_apart`` is how far apart separate
    sessions of one prescribed day are planned. Of a course without DICOM, ``doses`` say what is known of it
    by the protocol's names of structures, and ``hot_spot_factor`` that no point had more than so many times
    its prescription.
    """

    grouping: Grouping | None = None
    dates: tuple[dt.date, ...] = ()
    first_date: dt.date | None = None
    last_date: dt.date | None = None
    prescription_gy: Decimal | None = None
    fractions: int | None = None
    delivered: int | None = None
    hours_apart: float | None = None
    doses: Mapping[str, Numbers] = field(default_factory=dict)
    hot_spot_factor: float | None = None
    not_planned_yet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationStatement:
    """A registration in a file beside the case: a 4x4 matrix as text or ``.npy``, or a field as ``.npz``.

    It maps points of ``from_frame`` into ``to_frame``, both Frame of Reference UIDs.
    """

    from_frame: str
    to_frame: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Everything a person stated about a case; an empty one where nothing was.

    ``structures`` maps a structure's name in the protocol to a name or ROI Number in the files.
    ``registration_mm`` is how far registrations between images may be off.
    """

    plans: tuple[PlanStatement, ...] = ()
    courses: Mapping[str, CourseStatement] = field(default_factory=dict)
    structures: Mapping[str, str | int] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    registrations: tuple[RegistrationStatement, ...] = ()
    patient_id: str = ""
    registration_mm: float | None = None
    source: str = ""

    def plan(self, uid: str) -> PlanStatement:
        """What is stated of a plan, or an empty statement."""
        return next((p for p in self.plans if p.uid == uid), PlanStatement(uid=uid))

    def course(self, name: str) -> CourseStatement:
        """What is stated of a course, or an empty statement."""
        return self.courses.get(name, CourseStatement())
