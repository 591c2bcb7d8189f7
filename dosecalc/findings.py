"""What a check says: findings with their outcome, the doses of each structure, and where they come from."""

from __future__ import annotations

import datetime as dt
import enum
import math
from dataclasses import dataclass

from dosecalc.intervals import Band, Interval
from dosecalc.legible import clean, json_text, shortened
from dosecalc.notebook import Cell, Columns, html_table
from dosecalc.rules import Level

FINDING_COLUMNS: Columns = {
    "rule": str,
    "title": str,
    "level": str,
    "outcome": str,
    "structure": str,
    "plan": str,
    "measured": float,
    "low": float,
    "high": float,
    "lower bound": bool,
    "comparison": str,
    "limit": float,
    "unit": str,
    "decided by": str,
    "due": str,
    "hot spot x [mm]": float,
    "hot spot y [mm]": float,
    "hot spot z [mm]": float,
    "message": str,
    "source": str,
}
"""Columns of findings as a table; ``unit`` is that of measured, low, high and limit."""


class Outcome(enum.StrEnum):
    """The five things that can be said of a rule."""

    PASS = "PASS"
    FAIL = "FAIL"
    UNCERTAIN = "UNCERTAIN"
    NOT_EVALUATED = "NOT EVALUATED"
    NOT_DUE = "NOT DUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A value that was measured beside the deciding one; it is shown and decides nothing.

    ``value`` is None where nothing is known; with ``lower_bound`` the truth may be any higher.
    """

    name: str
    value: float | None
    unit: str
    lower_bound: bool = False

    @classmethod
    def of(cls, name: str, interval: Interval, unit: str) -> Reading:
        """A reading of an interval: a bound, or nothing, where the value is not known."""
        value, lower_bound = _known(interval)
        return cls(name=name, value=value, unit=unit, lower_bound=lower_bound)

    def to_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "value": finite(self.value),
            "unit": self.unit,
            "lower_bound": self.lower_bound,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributor:
    """One plan's part in a finding: its own value of the same metric."""

    course: str
    plan: str
    plan_uid: str
    sessions: int
    value: float | None
    unit: str
    lower_bound: bool = False

    @classmethod
    def of(
        cls, interval: Interval, *, course: str, plan: str, plan_uid: str, sessions: int, unit: str
    ) -> Contributor:
        """A plan's part as an interval: a bound, or nothing, where the value is not known."""
        value, lower_bound = _known(interval)
        return cls(
            course=course,
            plan=plan,
            plan_uid=plan_uid,
            sessions=sessions,
            value=value,
            unit=unit,
            lower_bound=lower_bound,
        )

    def to_dict(self) -> dict[str, object]:
        return {
            "course": self.course,
            "plan": self.plan,
            "plan_uid": self.plan_uid,
            "sessions": self.sessions,
            "value": finite(self.value),
            "unit": self.unit,
            "lower_bound": self.lower_bound,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule on one structure or plan.

    ``structure`` is the structure's name in the protocol (or, of a target that is named by a
    prescription only, in the file), ``plan`` the label of the plan that was judged; both are empty
    where the rule is about the case as a whole. ``band`` is None where nothing could be measured; ``low`` and
    ``high`` are the ends of the deciding interval, infinite where unbounded.
    """

    rule: str
    title: str
    level: Level
    outcome: Outcome
    message: str
    structure: str = ""
    plan: str = ""
    band: Band | None = None
    deciding: Interval | None = None
    limit: float | None = None
    comparison: str = ""
    unit: str = ""
    decided_by: str = ""
    shown_readings: tuple[Reading, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    hot_spot_xyz_mm: tuple[float, float, float] | None = None
    due: dt.date | None = None
    source: str = ""

    @property
    def measured(self) -> float | None:
        """The deciding value, or what is certain of it; None where nothing was measured."""
        return None if self.band is None else self.band.certain

    def to_dict(self) -> dict[str, object]:
        """The finding as plain data; an end that is not bounded is None."""
        ends = self.deciding
        return {
            "rule": self.rule,
            "title": self.title,
            "level": self.level.value,
            "structure": self.structure,
            "plan": self.plan,
            "outcome": self.outcome.value,
            "measured": None if ends and known_value(ends) is None else finite(self.measured),
            "low": known_low(ends) if ends else None,
            "high": finite(ends.high if ends else None),
            "limit": finite(self.limit),
            "comparison": self.comparison,
            "unit": self.unit,
            "decided_by": self.decided_by,
            "band": {
                source.value: {"low": finite(i.low), "high": finite(i.high)}
                for source, i in sorted(
                    (self.band.by_source if self.band else {}).items(), key=lambda x: x[0].value
                )
            },
            "shown_readings": [r.to_dict() for r in self.shown_readings],
            "contributors": [c.to_dict() for c in self.contributors],
            "hot_spot_xyz_mm": list(self.hot_spot_xyz_mm) if self.hot_spot_xyz_mm else None,
            "due": self.due.isoformat() if self.due else None,
            "message": self.message,
            "source": self.source,
        }

    def to_json(self) -> str:
        """The finding as JSON text."""
        return json_text(self.to_dict())

    def to_row(self) -> dict[str, Cell]:
        """The finding as a row of a table; what is not known is None, and so is an end that is not bounded.

        Where only a lower bound is known, it is ``low``, and there is no ``measured``: a column of values
        must not hold bounds.
        """
        ends = self.deciding
        is_open = ends is not None and not math.isfinite(ends.high)
        x, y, z = self.hot_spot_xyz_mm or (None, None, None)
        return {
            "rule": self.rule,
            "title": self.title,
            "level": self.level.value,
            "outcome": self.outcome.value,
            "structure": self.structure,
            "plan": self.plan,
            "measured": None if is_open else finite(self.measured),
            "low": known_low(ends) if ends else None,
            "high": finite(ends.high) if ends else None,
            "lower bound": is_open and ends is not None and known_low(ends) is not None,
            "comparison": self.comparison,
            "limit": finite(self.limit),
            "unit": self.unit,
            "decided by": self.decided_by,
            "due": self.due.isoformat() if self.due else "",
            "hot spot x [mm]": x,
            "hot spot y [mm]": y,
            "hot spot z [mm]": z,
            "message": self.message,
            "source": self.source,
        }

    @property
    def about(self) -> str:
        """Rule, and the structure or plan that it was held against; fit to be shown."""
        return " ".join(filter(None, (self.rule, shortened(self.structure or self.plan, most=60))))

    def __repr__(self) -> str:
        """One line without numbers: the message has them with the digits that show their side."""
        return f"<Finding {self.about}: {self.outcome.value} ({self.level.value})>"

    def __str__(self) -> str:
        return f"{self.outcome.value} {self.about}: {clean(self.title)}: {clean(self.message)}"

    def _repr_html_(self) -> str:
        return findings_html("Finding", (self,))


def findings_html(title: str, findings: tuple[Finding, ...], notes: tuple[str, ...] = ()) -> str:
    """Findings as a table for a notebook."""
    rows = [(f.outcome.value, f.about, f.level.value, f.title, f.message) for f in findings]
    return html_table(title, ("outcome", "rule", "level", "title", "found"), rows, notes=notes)


def _known(interval: Interval) -> tuple[float | None, bool]:
    """A value and whether it is a lower bound only; no value where the bound says nothing."""
    return known_value(interval), not interval.is_bounded


def finite(value: float | None) -> float | None:
    """A number that JSON can hold, or None: what is not bounded or not known is no number."""
    return value if value is not None and math.isfinite(value) else None


def known_low(interval: Interval) -> float | None:
    """The lower end, or None where it says nothing: not bounded, or 0 of what may be any higher."""
    if not math.isfinite(interval.high) and interval.low <= 0:
        return None
    return finite(interval.low)


def known_value(interval: Interval) -> float | None:
    """The value, which is a lower bound where there is no upper end; None where that says nothing.

    >>> ends = (0, 0), (2.5, 2.6), (2.5, math.inf), (0, math.inf)
    >>> [known_value(Interval(value=low, low=low, high=high)) for low, high in ends]
    [0, 2.5, 2.5, None]
    >>> known_value(Interval(value=2.9, low=2.5, high=math.inf))
    2.5
    """
    return None if not math.isfinite(interval.high) and interval.low <= 0 else finite(interval.certain)
