"""From a measured interval to an outcome, and the digits that show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from dosecalc.celldoses import CellDoses
from dosecalc.curves import Curve
from dosecalc.errors import MetricError
from dosecalc.findings import Outcome
from dosecalc.goals import ROUNDING, DoseAtVolume, Extreme, Goal, Metric, measure, metric_name
from dosecalc.intervals import Band, Interval, Source

NEAR_MAX_CM3 = 0.03
"""The volume of a near-maximum dose in the tables."""
_MOST_DIGITS = 12
_ROUNDING = 1e-12
"""Relative rounding of a difference of volumes."""
NOTHING_KNOWN = Interval(value=0.0, low=0.0, high=math.inf)
"""What can be said of a dose of which nothing is known."""


def judge(goal: Goal, deciding: Interval, stricter: Sequence[tuple[Goal, Interval]] = ()) -> Outcome:
    """The outcome of a goal.

    FAIL if the value breaks the limit, or the kinder end of the deciding interval does, whatever is
    missing; PASS if all of the interval and every stricter reading meet their limits; NOT EVALUATED if
    an end is unbounded; UNCERTAIN otherwise. A band never softens a FAIL.
    """
    kinder, harsher = _ends(goal, deciding)
    if not goal.comparison.holds(kinder, goal.limit):
        return Outcome.FAIL
    if deciding.is_bounded and not goal.comparison.holds(deciding.value, goal.limit):
        return Outcome.FAIL
    harsh = [(goal, harsher), *((g, _ends(g, i)[1]) for g, i in stricter)]
    if all(g.comparison.holds(end, g.limit) for g, end in harsh):
        return Outcome.PASS
    return Outcome.UNCERTAIN if deciding.is_bounded else Outcome.NOT_EVALUATED


def _ends(goal: Goal, interval: Interval) -> tuple[float, float]:
    """The ends of an interval, first the one that is kinder to the goal."""
    if goal.comparison.is_upper:
        return interval.low, interval.high
    return interval.high, interval.low


def measured(goal: Goal, curve: Curve) -> tuple[Interval, Metric]:
    """What a goal's metric is on a curve, as far as dose is known, and the metric that was taken.

    A structure smaller than the volume of a near-maximum dose is judged by its maximum; of a goal from
    below there is no such cautious stand-in, and the metric is refused.
    """
    metric = goal.metric
    small = isinstance(metric, DoseAtVolume) and curve.volume_cm3 < metric.cm3
    if small and goal.comparison.is_upper:
        metric = Extreme.MAXIMUM
    found = curve.bounds(lambda c: measure(metric, c, goal.unit))
    if not goal.comparison.is_upper and found.is_bounded:
        # What is certain of a goal that bounds from below is that the truth lies no higher.
        found = Interval(value=found.high, low=found.low, high=found.high)
    return found, metric


def bound_word(interval: Interval) -> str:
    """How the value of an interval is to be read where part of the dose is missing.

    >>> [bound_word(Interval(value=2.0, low=low, high=high)) for low, high in ((2, 2), (1, 3), (1, math.inf))]
    ['', 'about ', 'at least ']
    """
    if interval.is_exact:
        return ""
    if not interval.is_bounded:
        return "at least "  # which is then said of the end that is certain
    if interval.low < interval.value < interval.high:
        return "about "
    return "at least " if interval.value == interval.low else "at most "


def near_max(curve: Curve) -> float:
    """D0.03cc, or the maximum of a structure smaller than that."""
    try:
        return curve.dose_at_volume(NEAR_MAX_CM3)
    except MetricError:
        return curve.max_gy


def digits(value: float, limit: float | None = None) -> str:
    """A number with two decimals, or as many more as it takes to show its side of the limit.

    >>> digits(2.9996, 3.0), digits(2.5, 3.0), digits(3.0, 3.0)
    ('2.9996', '2.50', '3.00')
    """
    if not math.isfinite(value):
        return "unbounded"
    if limit is not None and math.isclose(value, limit, rel_tol=ROUNDING):
        value = limit
    for places in range(2, _MOST_DIGITS):
        text = f"{value:.{places}f}"
        if limit is None or value == limit or float(text) != limit:
            return text
    return repr(value)


def worst(items: Sequence[tuple[Interval, Metric]], goal: Goal) -> tuple[int, Interval]:
    """Which of several measurements is the hardest on a goal, and what can be said of that extreme."""
    pick: Callable[[Sequence[float]], float] = max if goal.comparison.is_upper else min
    values = [i.value for i, _ in items]
    value = pick(values)
    return values.index(value), Interval(
        value=value, low=pick([i.low for i, _ in items]), high=pick([i.high for i, _ in items])
    )


def name_of(metric: Metric, goal: Goal) -> str:
    """The metric that decided, and where it stands in for another one."""
    if metric == goal.metric:
        return metric_name(metric)
    return f"{metric_name(metric)} in place of {metric_name(goal.metric)}: the structure is smaller"


def cover_text(cells: CellDoses) -> str:
    """How much of a structure some dose does not reach, for messages."""
    return "".join(f"; {text}" for text in cover_notes(cells))


def cover_notes(cells: CellDoses) -> tuple[str, ...]:
    """For each dose that does not reach all of a structure, how much it misses and why."""
    whole = float(cells.volume_cm3.sum())
    found = []
    for grid, gy in cells.gy.items():
        name = grid.source or grid.uid
        folded = cells.folded_cm3.get(grid, 0.0)
        outside = float(cells.volume_cm3[np.isnan(gy)].sum()) - folded
        if grid in cells.unlinked:
            found.append(f"{name}: {cells.unlinked[grid]}")
            continue
        if folded > 0:
            found.append(f"{folded:.3g} of {whole:.3g} cm3 lie where the registration of {name} folds")
        if outside > _ROUNDING * whole:
            found.append(f"{outside:.3g} of {whole:.3g} cm3 lie outside the dose {name}")
    return tuple(found)


def band_of(
    stated: Interval,
    numerical: Interval,
    *,
    alpha_beta: Interval | None = None,
    registration: Interval | None = None,
) -> Band:
    """What each source of doubt can do to a value by itself.

    Parameters
    ----------
    stated : the value, and what dose that is missing, does not reach or is known as numbers can do to it
    numerical : the same metric with what end caps and sampling can do
    alpha_beta, registration : the same over the range of a/b, and with a registration that is off
    """
    by_source = {} if stated.is_exact else {Source.STATED_BOUND: stated}
    for source, moved in (
        (Source.NUMERICAL, numerical),
        (Source.ALPHA_BETA, alpha_beta),
        (Source.REGISTRATION, registration),
    ):
        if moved is not None and not moved.is_exact:
            below, above = moved.value - moved.low, moved.high - moved.value
            value = stated.value
            low = max(value - below, min(value, 0.0))  # no dose and no volume is less than none
            by_source[source] = Interval(value=value, low=low, high=value + above)
    return Band(value=stated.value, by_source=by_source)


def numerical(goal: Goal, metric: Metric, curve: Curve) -> Interval:
    """How far a metric may be off by end caps and sampling."""
    return curve.numerical(lambda c: measure(metric, c, goal.unit))


def judge_within(
    goal: Goal,
    stated: Interval,
    deciding: Interval,
    stricter: Sequence[tuple[Goal, Interval]] = (),
) -> Outcome:
    """The outcome of a goal with doubt of several sources; a band never softens a FAIL."""
    if judge(goal, stated) is Outcome.FAIL:
        return Outcome.FAIL
    return judge(goal, deciding, stricter)


def numerical_text(outcome: Outcome, goal: Goal, band: Band, unit: str) -> str:
    """What the numerical doubt of an UNCERTAIN value is, for messages."""
    if outcome is not Outcome.UNCERTAIN or Source.NUMERICAL not in band.by_source:
        return ""
    _, harsher = _ends(goal, band.by_source[Source.NUMERICAL])
    if goal.comparison.holds(harsher, goal.limit):
        return ""
    return f"; end caps and sampling leave open whether it is {digits(harsher, goal.limit)} {unit}"
