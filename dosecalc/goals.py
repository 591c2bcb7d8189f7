"""Dose-volume goals as physicists write them, such as ``D0.03cc < 3 Gy/fx``, parsed once."""

from __future__ import annotations

import enum
import math
import operator
import re
from dataclasses import dataclass
from typing import assert_never

from dosecalc.curves import Curve
from dosecalc.errors import GoalSyntaxError
from dosecalc.plausible import LEAST_ABOVE_0, MOST_CM3
from dosecalc.quantities import Bed, Eqd2, PerFraction, Physical, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAtVolume:
    """``D0.03cc``: the highest dose that a volume in cm3 has at least."""

    cm3: float


_HOTTEST_PERCENT = 5.0
"""A dose that no more of a volume has is one of its hot spot: D2% is the near-maximum of ICRU Report 83."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseAtPercent:
    """``D95%``: the highest dose that a percentage of the volume has at least."""

    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeAtDose:
    """``V20Gy``: the volume that has at least a dose in Gy."""

    gy: float


class Extreme(enum.Enum):
    """Metrics without a parameter."""

    MAXIMUM = "Dmax"
    MINIMUM = "Dmin"
    MEAN = "Mean"
    MEDIAN = "Median"


Metric = DoseAtVolume | DoseAtPercent | VolumeAtDose | Extreme


ROUNDING = 1e-9
"""Relative rounding of sums of doses: 0.7 + 2.3 Gy are 3 Gy, and must not pass a limit below 3."""


class Comparison(enum.Enum):
    """How a measured value is held against its limit."""

    BELOW = "<"
    AT_MOST = "<="
    ABOVE = ">"
    AT_LEAST = ">="

    def holds(self, measured: float, limit: float) -> bool:
        """Whether a value meets a limit; one that differs from it by rounding only is on the limit."""
        if math.isclose(measured, limit, rel_tol=ROUNDING):
            measured = limit
        compare = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
        return bool(compare[self.value](measured, limit))

    @property
    def is_upper(self) -> bool:
        """Whether the limit bounds from above."""
        return self in {Comparison.BELOW, Comparison.AT_MOST}


class Unit(enum.Enum):
    """Unit of a limit; a percentage of a dose metric is one of the prescription."""

    GY = "Gy"
    PERCENT = "%"
    CM3 = "cc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A metric, how it compares and its limit, in a quantity.

    Examples
    --------
    >>> goal = parse_goal("D0.03cc < 119 Gy EQD2(3)")
    >>> goal.metric, goal.comparison.value, goal.limit, goal.quantity
    (DoseAtVolume(cm3=0.03), '<', 119.0, Eqd2(alpha_beta_gy=3.0, model=Lq()))
    """

    metric: Metric
    comparison: Comparison
    limit: float
    unit: Unit
    quantity: Quantity
    text: str

    def __str__(self) -> str:
        return self.text

    @property
    def limits_hot_spot(self) -> bool:
        """Whether it bounds the hottest spot from above, so that its place is worth showing.

        >>> goals = "D0.03cc < 3 Gy", "D2% < 3 Gy", "D2cc > 3 Gy", "D50% < 3 Gy", "Mean < 3 Gy"
        >>> [parse_goal(text).limits_hot_spot for text in goals]
        [True, True, False, False, False]
        """
        hottest = isinstance(self.metric, DoseAtVolume) or self.metric is Extreme.MAXIMUM
        if isinstance(self.metric, DoseAtPercent):
            hottest = self.metric.percent <= _HOTTEST_PERCENT
        return hottest and self.comparison.is_upper


def measure(metric: Metric, curve: Curve, unit: Unit = Unit.GY) -> float:
    """The value of a metric on a curve, in Gy, or for ``VolumeAtDose`` in cm3 or percent.

    Raises
    ------
    MetricError : if the metric has no answer on this curve.
    """
    match metric:
        case DoseAtVolume(cm3=cm3):
            return curve.dose_at_volume(cm3)
        case DoseAtPercent(percent=percent):
            return curve.dose_at_percent(percent)
        case VolumeAtDose(gy=gy):
            return curve.volume_at_dose(gy) if unit is Unit.CM3 else curve.percent_at_dose(gy)
        case Extreme.MAXIMUM:
            return curve.max_gy
        case Extreme.MINIMUM:
            return curve.min_gy
        case Extreme.MEAN:
            return curve.mean_gy
        case Extreme.MEDIAN:
            return curve.median_gy
        case _:
            assert_never(metric)


def metric_name(metric: Metric) -> str:
    """The metric as it is written in a goal.

    >>> metric_name(DoseAtVolume(cm3=0.03))
    'D0.03cc'
    """
    match metric:
        case DoseAtVolume(cm3=cm3):
            return f"D{cm3:g}cc"
        case DoseAtPercent(percent=percent):
            return f"D{percent:g}%"
        case VolumeAtDose(gy=gy):
            return f"V{gy:g}Gy"
        case Extreme():
            return metric.value
        case _:
            assert_never(metric)


_NUMBER = r"\d+(?:\.\d+)?"


class _Scanner:
    """Walks through a goal string and knows where it stands, for the caret."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, pattern: str) -> str | None:
        match = re.compile(pattern).match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def error(self, problem: str, at: int | None = None) -> GoalSyntaxError:
        return GoalSyntaxError(self.text, self.at if at is None else at, problem)

    def number(self, what: str) -> float:
        token = self.take(_NUMBER)
        if token is None:
            raise self.error(f"expected {what}")
        if float(token) > MOST_CM3:  # of Gy and percent there are fewer still
            raise self.error(f"expected {what}, {MOST_CM3} at most", self.at - len(token))
        return float(token)


def parse_goal(text: str) -> Goal:
    """Parse a goal: ``METRIC [QUANTITY] COMPARISON NUMBER UNIT [QUANTITY]``.

    Metrics are ``D0.03cc``, ``D95%``, ``V20Gy``, ``Dmax``, ``Dmin``, ``Mean``, ``Median``;
    comparisons ``<``, ``<=``, ``>``, ``>=``; units ``Gy``, ``Gy/fx`` (dose of one session), ``%``
    (of the volume, or for a dose metric of the prescription) and ``cc``. ``EQD2(3)`` or ``BED(3)``
    makes the limit, or the dose of ``V``, biological at that a/b.

    Raises
    ------
    GoalSyntaxError : with a caret under the fault.

    Examples
    --------
    >>> parse_goal("V20Gy EQD2(3) < 30 %").quantity
    Eqd2(alpha_beta_gy=3.0, model=Lq())
    >>> parse_goal("D0.03 < 3 Gy")
    Traceback (most recent call last):
    dosecalc.errors.GoalSyntaxError: expected cc or % after the number
        D0.03 < 3 Gy
             ^
    """
    scan = _Scanner(text)
    scan.skip_blanks()
    metric, quantity = _metric(scan)
    scan.skip_blanks()
    token = scan.take(r"[<>]=?")
    if token is None:
        raise scan.error("expected <, <=, > or >=")
    scan.skip_blanks()
    limit_at = scan.at
    limit = scan.number("a number")
    scan.skip_blanks()
    unit_at = scan.at
    unit_token = scan.take(r"Gy|cm3|cc|%")
    if unit_token is None:
        raise scan.error("expected a unit: Gy, Gy/fx, % or cc")
    unit = Unit("cc" if unit_token == "cm3" else unit_token)
    allowed = {Unit.PERCENT, Unit.CM3 if isinstance(metric, VolumeAtDose) else Unit.GY}
    if unit not in allowed:
        wanted = "% or cc" if isinstance(metric, VolumeAtDose) else "Gy, Gy/fx or %"
        raise scan.error(f"{metric_name(metric)} needs a limit in {wanted}", unit_at)
    comparison = Comparison(token)
    if fault := _decides_nothing(metric, comparison, limit, unit):
        raise scan.error(fault, limit_at)
    if unit is Unit.GY:
        quantity = _quantity(scan)
    scan.skip_blanks()
    if scan.at < len(text):
        raise scan.error("expected the end of the goal")
    return Goal(
        metric=metric,
        comparison=comparison,
        limit=limit,
        unit=unit,
        quantity=quantity,
        text=" ".join(text.split()),
    )


def _decides_nothing(metric: Metric, comparison: Comparison, limit: float, unit: Unit) -> str:
    """What is wrong with a limit that every value meets, or none does; nothing where values differ."""
    if limit == 0 and comparison in {Comparison.BELOW, Comparison.AT_LEAST}:
        return f"expected a limit above 0 after {comparison.value}: no dose and no volume is less than 0"
    if unit is Unit.PERCENT and isinstance(metric, VolumeAtDose):
        if limit > 100:
            return "expected at most 100 % of a volume"
        if limit == 100 and comparison in {Comparison.ABOVE, Comparison.AT_MOST}:
            return f"expected less than 100 % after {comparison.value}: no volume is more than 100 %"
    return ""


def _metric(scan: _Scanner) -> tuple[Metric, Quantity]:
    named = scan.take(r"Dmax|Dmin|Mean|Median")
    if named is not None:
        return Extreme(named), Physical()
    start = scan.at
    if scan.take("D"):
        size = scan.number("a volume such as 0.03cc or 95%")
        unit = scan.take(r"cc|cm3|%")
        if unit is None:
            raise scan.error("expected cc or % after the number")
        if size <= 0 or (unit == "%" and size > 100):
            raise scan.error("expected a volume above 0, and at most 100 %", start + 1)
        if unit == "%":
            return DoseAtPercent(percent=size), Physical()
        return DoseAtVolume(cm3=size), Physical()
    if scan.take("V"):
        gy = scan.number("a dose such as 20Gy")
        if scan.take("Gy") is None:
            raise scan.error("expected Gy after the number")
        if gy == 0:
            raise scan.error("expected a dose above 0: all of a volume has 0 Gy", start + 1)
        return VolumeAtDose(gy=gy), _quantity(scan)
    raise scan.error("expected a metric: D0.03cc, D95%, V20Gy, Dmax, Dmin, Mean or Median")


def _quantity(scan: _Scanner) -> Quantity:
    """What follows Gy: nothing, ``/fx``, ``EQD2(a/b)`` or ``BED(a/b)``."""
    if scan.take(r"/fx"):
        return PerFraction()
    before = scan.at
    scan.skip_blanks()
    kind = scan.take(r"EQD2|BED")
    if kind is None:
        scan.at = before
        return Physical()
    if scan.take(r"\(") is None:
        raise scan.error(f"{kind} needs its a/b in Gy, such as {kind}(3)")
    at = scan.at
    alpha_beta_gy = scan.number("an a/b in Gy")
    if alpha_beta_gy < LEAST_ABOVE_0:
        raise scan.error("expected an a/b above 0", at)
    if scan.take(r"\)") is None:
        raise scan.error("expected )")
    if kind == "BED":
        return Bed(alpha_beta_gy=alpha_beta_gy)
    return Eqd2(alpha_beta_gy=alpha_beta_gy)
