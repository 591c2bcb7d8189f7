"""The answer of a check: findings, the doses of each structure, and where all of it comes from."""

from __future__ import annotations

import copy
import datetime as dt
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dosecalc.doserows import (
    DOSE_COLUMNS,
    TOTAL,
    CourseShare,
    DoseRow,
    Metrics,
    StructureDoses,
    doses_html,
)
from dosecalc.drawings import Drawings
from dosecalc.errors import DosecalcError
from dosecalc.findings import FINDING_COLUMNS, Finding, Outcome, Reading, findings_html, finite, known_value
from dosecalc.intervals import Interval
from dosecalc.legible import json_text, shortened
from dosecalc.notebook import Cell, Columns, data_frame, html_page
from dosecalc.rules import Level

__all__ = [
    "DOSE_COLUMNS",
    "JUDGED_COLUMNS",
    "TOTAL",
    "CheckResult",
    "CourseShare",
    "DecisionState",
    "DoseRow",
    "Metrics",
    "StopDose",
    "StopPoint",
    "StopRule",
    "StructureDoses",
    "overall",
]

FORMAT_VERSION = 1
OUTCOME_WORDS = {
    Outcome.PASS: "every required rule passes or is not due yet",
    Outcome.FAIL: "at least one required rule FAILS",
    Outcome.UNCERTAIN: "no required rule fails, but at least one is UNCERTAIN",
    Outcome.NOT_EVALUATED: "no required rule fails, but at least one could NOT be EVALUATED",
}
JUDGED_COLUMNS: Columns = {"judged": bool, **FINDING_COLUMNS}
"""Columns of the table of findings; those that are not ``judged`` are measured and shown only."""


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
            "at_stop": known_value(self.at_stop),
            "full": known_value(self.full),
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
            "limit": finite(self.limit),
            "at_stop": known_value(self.at_stop) if self.at_stop else None,
            "at_stop_outcome": self.at_stop_outcome.value,
            "full": known_value(self.full) if self.full else None,
            "full_outcome": self.full_outcome.value,
            "lower_bounds": not all(i.is_bounded for i in (self.at_stop, self.full) if i),
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

    @property
    def when(self) -> str:
        """The day of the point in words: reached, or planned; empty where it is not known."""
        if self.date is None:
            return ""
        is_ahead = self.state in {None, DecisionState.NOT_REACHED}
        return f"{'planned on' if is_ahead else 'reached on'} {self.date}"

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
            "provenance": copy.deepcopy(dict(self.provenance)),
        }

    def to_json(self) -> str:
        """The result as JSON text, byte for byte the same for the same input and versions."""
        return json_text(self.to_dict())

    def findings_rows(self) -> list[dict[str, Cell]]:
        """A row for each finding: those that are judged, then those that are measured and shown only."""
        judged = [{"judged": True, **f.to_row()} for f in self.findings]
        return [*judged, *({"judged": False, **f.to_row()} for f in self.shown)]

    def doses_rows(self) -> list[dict[str, Cell]]:
        """A row for each structure, course and state."""
        return [row for structure in self.structures for row in structure.to_rows()]

    def findings_dataframe(self) -> Any:
        """The findings as a pandas DataFrame, with the columns of ``--csv-findings``.

        Raises
        ------
        DosecalcError : if pandas is not installed.
        """
        return data_frame(JUDGED_COLUMNS, self.findings_rows())

    def doses_dataframe(self) -> Any:
        """The doses of the structures as a pandas DataFrame, with the columns of ``--csv-doses``.

        Raises
        ------
        DosecalcError : if pandas is not installed.
        """
        return data_frame(DOSE_COLUMNS, self.doses_rows())

    @property
    def not_passed(self) -> tuple[Finding, ...]:
        """Findings that neither pass nor are not due, required ones first, the gravest of each first."""
        order = (Outcome.FAIL, Outcome.NOT_EVALUATED, Outcome.UNCERTAIN)
        found = [f for f in self.findings if f.outcome in order]
        return tuple(sorted(found, key=lambda f: (f.level is not Level.REQUIRED, order.index(f.outcome))))

    def _counts(self) -> str:
        found = [f.outcome for f in self.findings if f.level is Level.REQUIRED]
        said = [f"{found.count(o)} {o.value}" for o in Outcome if o in found]
        return f"required findings: {', '.join(said) or 'none judged'}"

    def __repr__(self) -> str:
        """One line: the outcome, and how many required findings have which."""
        return f"<CheckResult {self.outcome.value}: {self._counts()}>"

    def __str__(self) -> str:
        """The outcome in words, then what is not met or not judged, and the warnings."""
        warnings = [f"  {shortened(a, most=300)}" for a in self.assumptions if a.startswith("WARNING")]
        lines = [f"{self.outcome.value} - {OUTCOME_WORDS[self.outcome]}", self._counts(), *warnings]
        for level in Level:
            chosen = [f for f in self.not_passed if f.level is level]
            if chosen:
                lines.append(f"{level.value} rules that are not met or not judged:")
            lines += [f"  {shortened(str(f), most=300)}" for f in chosen]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same for a notebook, with the doses."""
        title = f"{self.outcome.value}: {OUTCOME_WORDS[self.outcome]}"
        warnings = tuple(a for a in self.assumptions if a.startswith("WARNING"))
        findings = findings_html(title, self.not_passed, notes=(self._counts(), *warnings))
        return html_page(findings, doses_html(self.structures))


def overall(findings: tuple[Finding, ...]) -> Outcome:
    """The outcome of a check: that of its required findings, the gravest first.

    No required rule judged at all is NOT EVALUATED: nothing passes by absence.
    """
    required = {f.outcome for f in findings if f.level is Level.REQUIRED}
    for outcome in (Outcome.FAIL, Outcome.NOT_EVALUATED, Outcome.UNCERTAIN, Outcome.PASS):
        if outcome in required:
            return outcome
    return Outcome.NOT_EVALUATED
