"""What a check says: findings with their outcome, the doses of each structure, and where they come from."""

from __future__ import annotations

import datetime as dt
import enum
import math
from dataclasses import dataclass

from dosecalc.intervals import Band, Interval
from dosecalc.rules import Level


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
        """The deciding value, or None where nothing was measured."""
        return None if self.band is None else self.band.value

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
            "measured": finite(self.measured),
            "low": finite(ends.low if ends else None),
            "high": finite(ends.high if ends else None),
            "limit": self.limit,
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


def _known(interval: Interval) -> tuple[float | None, bool]:
    """A value and whether it is a lower bound only; no value where the bound says nothing."""
    if interval.is_bounded:
        return interval.value, False
    return (interval.certain, True) if interval.certain > 0 else (None, True)


def finite(value: float | None) -> float | None:
    """A number that JSON can hold, or None: what is not bounded or not known is no number."""
    return value if value is not None and math.isfinite(value) else None
