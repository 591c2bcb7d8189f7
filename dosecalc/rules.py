"""The kinds of rule that a protocol may hold, each with its parameters and nothing else.

A protocol file gives every rule an identifier, a level, a title, a source and a ``kind``; the kinds
below are what ``kind`` may say, and their fields are the other keys. No number here has a default
that could decide a verdict.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from decimal import Decimal

from dosecalc.goals import ROUNDING, Goal
from dosecalc.intervals import Source
from dosecalc.statement import EventKind, Grouping


class Level(enum.StrEnum):
    """Required rules decide the outcome; advisory ones are shown right below the failures."""

    REQUIRED = "required"
    ADVISORY = "advisory"


class SessionReading(enum.Enum):
    """What a limit per session is held against."""

    SESSION_SUM = "session_sum"  # everything given on one prescribed day
    EACH_PLAN = "each_plan"  # each plan of the session by itself


class CountedFrom(enum.Enum):
    """From which session of a course an interval is counted."""

    LAST_SESSION = "last_session"
    FIRST_SESSION = "first_session"


class UlcerReading(enum.Enum):
    """At which dose an ulcer stops a course."""

    AT_ANY_DOSE = "at_any_dose"
    AT_THE_POINT = "at_the_point"  # one that is seen before it is noted, and stops nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class PointReading:
    """Which prescriptions count towards the dose of a decision point, and as what.

    Those of ``roles`` add up: as physical dose, or with ``alpha_beta_gy`` as EQD2, for which ``grouping``
    says whether what the roles of one course give on one day acts together.

    >>> str(PointReading(roles=("low", "definitive")))
    'low+definitive'
    """

    roles: tuple[str, ...]
    alpha_beta_gy: Decimal | None = None
    grouping: Grouping = Grouping.SEPARATE_SESSIONS

    def __str__(self) -> str:
        roles = "+".join(self.roles)
        if self.alpha_beta_gy is None:
            return roles
        how = "together" if self.grouping is Grouping.ONE_SESSION else "apart"
        return f"{roles} EQD2({self.alpha_beta_gy}) {how}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorCourse:
    """A course is expected to exist; without its dose every cumulative sum is incomplete."""

    course: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """Recurrence at least so many calendar years after the end of a course."""

    course: str
    years: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStatus:
    """Plans are approved, and no dose is older than its plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseMatchesPrescription:
    """Median dose in the prescription's target over the prescription lies within a range."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrescriptionIs:
    """A role is prescribed with so many Gy a fraction in so many fractions."""

    role: str
    dose_per_fraction_gy: Decimal
    fractions: int
    tolerance_gy: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A goal for a target in the dose of the plan that holds a role; ``%`` is of its prescription."""

    structure: str
    role: str
    goal: Goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Containment:
    """A structure lies inside another, but for some cm3, in the structure set of the plan of a role."""

    structure: str
    inside: str
    role: str
    at_most_cm3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Structures share at most so many cm3 with the target that a role is prescribed to."""

    structures: tuple[str, ...]
    role: str
    at_most_cm3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsecutiveDays:
    """The sessions of a course lie on consecutive days."""

    course: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimit:
    """A goal per session of a course, judged in its worst session.

    ``stricter`` goals may make a passing verdict UNCERTAIN; ``shown_courses`` are measured, not judged.
    """

    structures: tuple[str, ...]
    course: str
    goal: Goal
    reading: SessionReading
    stricter: tuple[Goal, ...]
    shown_courses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuresPresent:
    """Structures are there, once, with contours; ``left`` lies further left than ``right``."""

    structures: tuple[str, ...]
    course: str
    left: tuple[str, ...]
    right: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Contours span the craniocaudal range of an isodose of the worst session of a course."""

    structures: tuple[str, ...]
    course: str
    dose_gy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Shown: distance to an isodose of the worst session, and a metric under a shift of the patient."""

    structures: tuple[str, ...]
    course: str
    dose_gy: float
    goal: Goal
    shift_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysBetween:
    """Days from one course to the first session of the next lie within a range, ends included."""

    course: str
    next_course: str
    low_days: int
    high_days: int
    counted_from: CountedFrom


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """At most so many sessions of a course in an ISO week, and in a day."""

    course: str
    per_week: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventOnDays:
    """An event is entered for certain days of a course, the first session's date being day 1.

    ``dose_mg`` is what is to be given on each; where an event is entered without its dose, that is said.
    """

    event: EventKind
    course: str
    days: tuple[int, ...]
    tolerance_days: int
    dose_mg: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEventDuring:
    """No such event is entered from the first to the last session of a course."""

    event: EventKind
    course: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """After the last session of a course an event begins, comes at an interval and ends within a time."""

    event: EventKind
    course: str
    within_days: int
    every_days: int
    tolerance_days: int
    at_most_months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPoint:
    """The fraction of a course at which a prescribed dose is reached and the response decides.

    ``reading`` is what counts towards the dose; other readings are ``shown_readings`` beside it. A response
    that is assessed up to ``window_days`` before the dose is reached counts as assessed there.
    """

    course: str
    role: str
    dose_gy: Decimal
    dose_per_fraction_gy: Decimal
    reading: PointReading
    shown_readings: tuple[PointReading, ...]
    window_days: int
    ulcer: UlcerReading


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativeLimit:
    """A goal for the sum over all courses.

    ``recovered`` says that it may be held against a sum less what organs have recovered from: only for limits
    that were derived so.
    """

    structures: tuple[str, ...]
    goal: Goal
    stricter: tuple[Goal, ...]
    recovered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativeTable:
    """Says that cumulative organ dose was not judged, where the protocol has no cumulative limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CumulativePrescription:
    """The prescriptions of all courses to a target add up to less than a risk mark, in exact decimals.

    As physical dose, which decides; as EQD2 at ``alpha_beta_gy`` they may make it UNCERTAIN.
    """

    structure: str
    below_gy: Decimal
    alpha_beta_gy: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OneFrame:
    """All doses and structures lie in one frame of reference, or are registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgansAgree:
    """Organs of one name lie at one place in all structure sets, once these are registered.

    The centroids of ``structures`` lie at most so far apart, those of ``along`` within the craniocaudal range
    that both are contoured in: cords and vessels begin and end where it suited each plan.
    """

    structures: tuple[str, ...]
    along: tuple[str, ...]
    at_most_mm: float

    def holds(self, apart_mm: float) -> bool:
        """Whether a distance is allowed; rounding breaks nothing."""
        return apart_mm <= self.at_most_mm or math.isclose(apart_mm, self.at_most_mm, rel_tol=ROUNDING)


Test = (
    PriorCourse
    | Recurrence
    | PlanStatus
    | DoseMatchesPrescription
    | PrescriptionIs
    | Coverage
    | Containment
    | Overlap
    | ConsecutiveDays
    | SessionLimit
    | StructuresPresent
    | Span
    | Distance
    | DaysBetween
    | Weekly
    | EventOnDays
    | NoEventDuring
    | Maintenance
    | DecisionPoint
    | CumulativeLimit
    | CumulativeTable
    | CumulativePrescription
    | OneFrame
    | OrgansAgree
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a protocol; ``uncertain_by`` are the sources of doubt that may make it UNCERTAIN."""

    id: str
    title: str
    level: Level
    source: str
    test: Test
    uncertain_by: frozenset[Source]
