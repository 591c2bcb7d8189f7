"""The answer of a check: findings, the doses of each structure, and where all of it comes from."""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dosecalc.drawings import Drawings
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome, Reading, finite
from dosecalc.intervals import Interval
from dosecalc.rules import Level

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """What a structure has of one quantity, in Gy: lower bounds where dose is missing.

    ``near_max`` is D0.03cc, or the maximum in a structure smaller than that.
    """

    min_gy: Interval
    mean_gy: Interval
    near_max_gy: Interval
    max_gy: Interval

    def scaled(self, factor: float) -> Metrics:
        """All metrics times a positive factor."""
        return Metrics(
            min_gy=self.min_gy.scaled(factor),
            mean_gy=self.mean_gy.scaled(factor),
            near_max_gy=self.near_max_gy.scaled(factor),
            max_gy=self.max_gy.scaled(factor),
        )

    def open_above(self) -> Metrics:
        """The same lower ends, and nothing known above them: some dose is missing."""
        return Metrics(
            min_gy=self.min_gy.open_above(),
            mean_gy=self.mean_gy.open_above(),
            near_max_gy=self.near_max_gy.open_above(),
            max_gy=self.max_gy.open_above(),
        )

    def or_up_to(self, other: Metrics) -> Metrics:
        """The same values, with the ends of both."""
        return Metrics(
            min_gy=self.min_gy.or_up_to(other.min_gy),
            mean_gy=self.mean_gy.or_up_to(other.mean_gy),
            near_max_gy=self.near_max_gy.or_up_to(other.near_max_gy),
            max_gy=self.max_gy.or_up_to(other.max_gy),
        )

    def to_dict(self) -> dict[str, object]:
        return {
            name: {"value": finite(i.value), "low": finite(i.low), "high": finite(i.high)}
            for name, i in (
                ("min_gy", self.min_gy),
                ("mean_gy", self.mean_gy),
                ("near_max_gy", self.near_max_gy),
                ("max_gy", self.max_gy),
            )
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseRow:
    """What one course, or all of them (``total``), gives to a structure.

    ``per_session`` is the session with the highest near-maximum dose. ``incomplete`` says which doses
    are missing in the row; every value is then a lower bound. All is None where no dose is known at
    all, BED and EQD2 also without an a/b.
    """

    course: str
    sessions: int
    per_session: Metrics | None
    physical: Metrics | None
    bed: Metrics | None
    eqd2: Metrics | None
    incomplete: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "sessions": self.sessions,
            "per_session": self.per_session.to_dict() if self.per_session else None,
            "physical": self.physical.to_dict() if self.physical else None,
            "bed": self.bed.to_dict() if self.bed else None,
            "eqd2": self.eqd2.to_dict() if self.eqd2 else None,
            "incomplete": list(self.incomplete),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseShare:
    """What part of a sum of ``quantity`` came from a course: of the mean, and of its hottest 0.03 cm3."""

    course: str
    quantity: str
    mean_percent: float
    near_max_percent: float

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "quantity": self.quantity,
            "mean_percent": finite(self.mean_percent),
            "near_max_percent": finite(self.near_max_percent),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureDoses:
    """All rows of one structure, or the ``problem`` that kept it from being evaluated.

    ``rows`` are those of the treatment as it stands: what was given, and what is left of the plans.
    ``delivered`` are those of what was given so far, ``planned`` those of the plans alone; both are empty
    where nothing was given yet, as ``rows`` are the plans then. ``shares`` say how much of the sum came from
    which course, where all of it is known.
    """

    name: str
    roi_name: str
    roi_number: int | None
    structure_set_uid: str
    volume_cm3: float | None
    covered_cm3: float | None
    alpha_beta_gy: float | None
    rows: tuple[DoseRow, ...] = ()
    delivered: tuple[DoseRow, ...] = ()
    planned: tuple[DoseRow, ...] = ()
    shares: tuple[CourseShare, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""

    @property
    def total(self) -> DoseRow | None:
        """The row of all courses together."""
        return next((r for r in self.rows if r.course == TOTAL), None)

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "roi_name": self.roi_name,
            "roi_number": self.roi_number,
            "structure_set_uid": self.structure_set_uid,
            "volume_cm3": self.volume_cm3,
            "covered_cm3": self.covered_cm3,
            "alpha_beta_gy": self.alpha_beta_gy,
            "rows": [r.to_dict() for r in self.rows],
            "delivered": [r.to_dict() for r in self.delivered],
            "planned": [r.to_dict() for r in self.planned],
            "shares": [s.to_dict() for s in self.shares],
            "notes": list(self.notes),
            "problem": self.problem,
        }


TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class StopDose:
    """A structure at the decision point beside the full course, and what stopping there saves."""

    structure: str
    quantity: str
    metric: str
    at_stop: Interval
    full: Interval

    @property
    def saved_gy(self) -> float:
        return self.full.value - self.at_stop.value

    def to_dict(self) -> dict[str, object]:
        return {
            "structure": self.structure,
            "quantity": self.quantity,
            "metric": self.metric,
            "at_stop": finite(self.at_stop.certain),
            "full": finite(self.full.certain),
            "saved": finite(self.saved_gy),
            "lower_bounds": not (self.full.is_bounded and self.at_stop.is_bounded),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """A rule on the sum of all courses at the decision point beside the full course.

    ``at_stop`` and ``full`` are what is measured, None where that cannot be said.
    """

    rule: str
    structure: str
    level: Level
    unit: str
    limit: float | None
    at_stop: Interval | None
    at_stop_outcome: Outcome
    full: Interval | None
    full_outcome: Outcome

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "structure": self.structure,
            "level": self.level.value,
            "unit": self.unit,
            "limit": self.limit,
            "at_stop": finite(self.at_stop.value) if self.at_stop else None,
            "at_stop_outcome": self.at_stop_outcome.value,
            "full": finite(self.full.value) if self.full else None,
            "full_outcome": self.full_outcome.value,
        }


class DecisionState(enum.StrEnum):
    """Where a decision on an early stop stands."""

    NOT_REACHED = "NOT REACHED"
    DUE = "DUE"  # reached, and no response entered that decides: hold
    CONTINUE = "CONTINUE"
    STOPPED = "STOPPED"
    VIOLATED = "VIOLATED"  # fractions after a stop, or a stop for a response long before the point


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPoint:
    """Where a decision on an early stop falls, and how it stands; no state where that cannot be said.

    ``fraction`` of ``fractions`` of ``course``, of which ``given`` were given so far, ``given_gy`` of what is
    prescribed (None where that is not known); ``stopped_on`` is the day of what stopped the course, or
    should have. ``readings`` are the fractions by other readings of the dose.
    """

    rule: str
    course: str
    dose_gy: float
    fraction: int
    fractions: int
    given: int
    given_gy: float | None
    state: DecisionState | None
    stopped_on: dt.date | None
    date: dt.date | None
    readings: tuple[Reading, ...]
    doses: tuple[StopDose, ...]
    rules: tuple[StopRule, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "course": self.course,
            "dose_gy": self.dose_gy,
            "fraction": self.fraction,
            "fractions": self.fractions,
            "given": self.given,
            "given_gy": self.given_gy,
            "state": self.state.value if self.state else None,
            "stopped_on": self.stopped_on.isoformat() if self.stopped_on else None,
            "date": self.date.isoformat() if self.date else None,
            "readings": [
                {"name": r.name, "fraction": int(r.value)} for r in self.readings if r.value is not None
            ],
            "structures": [d.to_dict() for d in self.doses],
            "rules": [r.to_dict() for r in self.rules],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """The whole answer of a check.

    ``draw`` makes, when it is asked, what a report draws of the case: curves and the book. It holds on to the
    doses of the case for that.

    Examples
    --------
    >>> result = CheckResult(outcome=Outcome.PASS, provenance={"dosecalc": "0"})
    >>> bool(result)
    Traceback (most recent call last):
    dosecalc.errors.DosecalcError: a check is neither true nor false; ask result.outcome
    """

    outcome: Outcome
    provenance: Mapping[str, object]
    findings: tuple[Finding, ...] = ()
    shown: tuple[Finding, ...] = ()
    structures: tuple[StructureDoses, ...] = ()
    stop_points: tuple[StopPoint, ...] = ()
    assumptions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    draw: Callable[[], Drawings] = field(default=Drawings, repr=False, compare=False)

    def __bool__(self) -> bool:
        raise DosecalcError("a check is neither true nor false; ask result.outcome")

    @property
    def not_due(self) -> tuple[Finding, ...]:
        """Findings of rules that judge what lies ahead."""
        return tuple(f for f in self.findings if f.outcome is Outcome.NOT_DUE)

    def to_dict(self) -> dict[str, object]:
        """The result as plain data, the same for the same input."""
        return {
            "format_version": FORMAT_VERSION,
            "outcome": self.outcome.value,
            "findings": [f.to_dict() for f in self.findings],
            "shown": [f.to_dict() for f in self.shown],
            "structures": [s.to_dict() for s in self.structures],
            "stop_points": [s.to_dict() for s in self.stop_points],
            "assumptions": list(self.assumptions),
            "problems": list(self.problems),
            "provenance": dict(self.provenance),
        }

    def to_json(self) -> str:
        """The result as JSON text, byte for byte the same for the same input and versions."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def overall(findings: tuple[Finding, ...]) -> Outcome:
    """The outcome of a check: that of its required findings, the gravest first.

    No required rule judged at all is NOT EVALUATED: nothing passes by absence.
    """
    required = {f.outcome for f in findings if f.level is Level.REQUIRED}
    for outcome in (Outcome.FAIL, Outcome.NOT_EVALUATED, Outcome.UNCERTAIN, Outcome.PASS):
        if outcome in required:
            return outcome
    return Outcome.NOT_EVALUATED
