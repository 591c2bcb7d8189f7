"""From curves to lines that can be drawn: in few points, with the ends of what they may be instead."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.curves import Curve
from dosecalc.drawings import PERCENTS, DvhLine, Stage
from dosecalc.envelopes import Envelope
from dosecalc.errors import MetricError
from dosecalc.intervals import Interval

Floats = npt.NDArray[np.float64]

_AT_PERCENT = np.concatenate([np.linspace(0, 100, 31), [0.2, 0.5, 1, 2, 98, 99, 99.5, 99.8]])
_AT_DOSES = 25
"""Points of a line: so many evenly in volume, with more at its ends, and so many evenly in dose."""
_STEP_GY = 1e-3
"""What lies closer together falls at one dose."""
_OFF_PERCENT = 0.1
"""Of the volume: less can neither be seen nor is it said."""
_ROUNDS = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """A curve in points, the ends of what it may be instead, and its doses at ``PERCENTS``."""

    volume_cm3: float
    dose_gy: Floats
    percent: Floats
    low: Floats
    high: Floats
    is_open: bool
    at_percent: tuple[Interval, ...]
    uncovered_cm3: float = 0.0
    is_least: bool = False

    @classmethod
    def of_curves(cls, found: Sequence[Curve], over: Sequence[Curve] = (), *, is_open: bool) -> Ends:
        """Of a curve, others that it may be instead, and those over a range of a/b.

        Where something is missing, the line is what is certain of the curve and the others: at their a/b.
        """
        first, every = found[0], [*found, *over]
        drawn = [c for curve in every for c in (curve, curve.floor) if c is not None and c.covered_cm3 > 0]
        if not drawn:
            raise MetricError("no part of it has a known dose")
        knots = _knots([*map(_points, drawn), *_beyond(first)])
        dose = _refined(knots, lambda d: np.stack([*_band(every, d), _certain(found, d)]))
        low, value, high = _band(every, dose)
        certain = _certain(found, dose)
        # A curve that falls has what more dose has, too: ends that rise would say less than is known.
        low, high = np.maximum.accumulate(low[::-1])[::-1], np.minimum.accumulate(high)
        uncovered = max(c.uncovered_cm3 for c in found)
        at = [_dose_at(found, over, percent, is_open=is_open) for percent in PERCENTS]
        return cls(
            volume_cm3=first.volume_cm3,
            dose_gy=dose,
            percent=certain if is_open or uncovered > 0 else value,
            low=certain if is_open else low,
            high=high,
            is_open=is_open,
            at_percent=tuple(i.open_above() if is_open else i for i in at),
            uncovered_cm3=uncovered,
        )

    @classmethod
    def of_envelopes(
        cls, found: Sequence[Envelope], doubts: Sequence[Envelope] = (), *, is_open: bool
    ) -> Ends:
        """Of what is known of a sum with a course that is known as numbers only: the line is the low end.

        ``doubts`` are what numerics and a range of a/b may make of it: they are in the band alone.
        """
        every = [*found, *doubts]
        volume = found[0].volume_cm3
        shares = np.sort(_AT_PERCENT)[::-1]
        cm3 = volume * shares / 100
        certain = np.array([min(e.low(v) for e in found) for v in cm3])
        low = np.array([min(e.low(v) for e in every) for v in cm3])
        high = np.array([max(e.high(v) for e in every) for v in cm3])
        is_open = is_open or not bool(np.isfinite(high).all())
        dose = _knots([certain, low, high[np.isfinite(high)]])
        at = [functools.reduce(Interval.or_up_to, (e.dose_at_volume(volume * p / 100)
                                                   for e in (found if is_open else every)))
              for p in PERCENTS]  # fmt: skip
        line = _falling(dose, np.maximum.accumulate(certain), shares)
        least = line if is_open else _falling(dose, np.maximum.accumulate(low), shares)
        most = least if is_open else _falling(dose, np.maximum.accumulate(high), shares)
        return cls(
            volume_cm3=volume,
            dose_gy=dose,
            percent=line,
            low=least,
            high=most,
            is_open=is_open,
            at_percent=tuple(i.open_above() if is_open else i for i in at),
            is_least=bool((high > low + _STEP_GY).any()),
        )


def _certain(found: Sequence[Curve], dose_gy: Floats) -> Floats:
    """Of the volume, in percent, what has at least each dose by each of some curves."""
    return np.asarray(np.min([_percents(curve, dose_gy)[0] for curve in found], axis=0))


def _dose_at(found: Sequence[Curve], over: Sequence[Curve], percent: float, *, is_open: bool) -> Interval:
    """The dose that so much of a structure has at least, with the same ends as the band of the line."""

    def metric(curve: Curve) -> float:
        return curve.dose_at_percent(percent)

    known = functools.reduce(Interval.or_up_to, (curve.bounds(metric) for curve in found))
    if is_open or not known.is_bounded:
        return known
    doubts = (*(curve.bounds(metric) for curve in over), found[0].numerical(metric))
    return functools.reduce(Interval.or_up_to, doubts, known)


def _points(curve: Curve) -> Floats:
    """Doses at which a curve is drawn: evenly in volume, closer at both ends, and evenly in dose."""
    volume, dose = curve.volume_above_cm3, curve.dose_gy
    at_volume = np.interp(-curve.covered_cm3 * _AT_PERCENT / 100, -volume, dose)
    return np.concatenate([at_volume, np.linspace(dose[0], dose[-1], _AT_DOSES)])


def _knots(doses: Iterable[Floats]) -> Floats:
    """From 0 on, each once, and both sides of each step: what falls at one dose must not look a slope."""
    found = [np.sort(d) for d in doses if d.size]
    steps = np.concatenate([[d[0], d[-1], *d[1:][np.diff(d) < _STEP_GY]] for d in found])
    beside = (steps - _STEP_GY, steps, steps + _STEP_GY)
    return np.unique(np.maximum(np.concatenate([[0.0], *(np.round(d, 2) for d in found), *beside]), 0.0))


def _beyond(curve: Curve) -> Iterator[Floats]:
    """Doses outside of a curve that it may have by its numerical doubt: its band has corners there."""
    for _, other in _others(curve):
        if other.covered_cm3 > 0:
            points = _points(other)
            yield points[(points < curve.min_gy) | (points > curve.max_gy)]


def _band(found: Sequence[Curve], dose_gy: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the volume, in percent, what has at least each dose: at least, by the first curve, and at most."""
    parts = [_percents(curve, dose_gy) for curve in found]
    first = found[0]
    value = parts[0][0 if first.uncovered_cm3 > 0 else 1]
    below, above = _numerical(first, dose_gy, value)
    low = np.minimum.reduce([value + below, *(p[0] for p in parts)])
    high = np.maximum.reduce([value + above, *(p[2] for p in parts)])
    return np.clip(low, 0, 100), value, np.clip(high, 0, 100)


def _refined(dose_gy: Floats, percents: Callable[[Floats], Floats]) -> Floats:
    """The same doses with more of them where a straight line between two would be off.

    ``percents`` gives lines at doses, (lines, n).
    """
    at = percents(dose_gy)
    left, right, at_left, at_right = dose_gy[:-1], dose_gy[1:], at[:, :-1], at[:, 1:]
    found = [dose_gy]
    for _ in range(_ROUNDS):
        middle = (left + right) / 2
        at_middle = percents(middle)
        off = np.abs(at_middle - (at_left + at_right) / 2).max(axis=0)
        halved = (off > _OFF_PERCENT) & (right - left > 2 * _STEP_GY)
        if not halved.any():
            break
        found.append(middle[halved])
        left, right = np.append(left[halved], middle[halved]), np.append(middle[halved], right[halved])
        at_left, at_right = (
            np.hstack([at_left[:, halved], at_middle[:, halved]]),
            np.hstack([at_middle[:, halved], at_right[:, halved]]),
        )
    return np.unique(np.concatenate(found))


def _percents(curve: Curve, dose_gy: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the volume, in percent, what has at least each dose: at least, of what is covered, and at most."""
    covered = _above(curve, dose_gy)
    least = covered if curve.floor is None else _above(curve.floor, dose_gy)
    scale = 100 / curve.volume_cm3
    return scale * least, scale * covered, scale * (covered + curve.uncovered_cm3)


def _above(curve: Curve, dose_gy: Floats) -> Floats:
    """The volume in cm3 that has at least each dose."""
    return _falling(dose_gy, curve.dose_gy, curve.volume_above_cm3)


def _falling(at_gy: Floats, dose_gy: Floats, amount: Floats) -> Floats:
    """Of a falling amount, what has at least each dose; at a step, all that stands at it."""
    if not dose_gy.size:
        return np.zeros(at_gy.shape)
    found = np.interp(at_gy, dose_gy, amount, right=0.0)
    first = np.minimum(np.searchsorted(dose_gy, at_gy, side="left"), dose_gy.size - 1)
    return np.where(dose_gy[first] == at_gy, amount[first], found)


def _others(curve: Curve) -> tuple[tuple[str, Curve], ...]:
    """The curve under other assumptions, each with what it is about; none while volume is uncovered."""
    return () if curve.others is None or curve.uncovered_cm3 > 0 else curve.others()


def _numerical(curve: Curve, dose_gy: Floats, percent: Floats) -> tuple[Floats, Floats]:
    """How far a line may be off by end caps and sampling, as :meth:`Curve.numerical` adds it up."""
    none = np.zeros(dose_gy.shape)
    apart: dict[str, list[Floats]] = {}
    for about, other in _others(curve):
        apart.setdefault(about, [none]).append(100 / other.volume_cm3 * _above(other, dose_gy) - percent)
    below = sum((np.minimum.reduce(d) for d in apart.values()), none)
    above = sum((np.maximum.reduce(d) for d in apart.values()), none)
    return below, above


def drawn_line(name: str, stage: Stage, quantity: str, ends: Ends, *, is_judged: bool) -> DvhLine:
    """A curve in points as the line of a structure."""
    return DvhLine(
        structure=name,
        stage=stage,
        quantity=quantity,
        volume_cm3=ends.volume_cm3,
        dose_gy=ends.dose_gy,
        percent=ends.percent,
        low_percent=ends.low,
        high_percent=ends.high,
        is_open=ends.is_open,
        is_judged=is_judged,
        at_percent=ends.at_percent,
        uncovered_cm3=ends.uncovered_cm3,
        is_least=ends.is_least,
    )
