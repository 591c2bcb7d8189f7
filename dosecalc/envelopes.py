"""Bounds of a dose-volume curve of which a few numbers are known, and of sums with such a curve.

Values of two curves at one volume do not add: two hot spots of 0.02 cm3 may lie apart or together. What does
hold for the sum of two doses in one structure of volume ``V``, wherever they lie, is for every ``u + w = v``

    ``D_v(A + B) <= D_u(A) + D_w(B)``,

since the points with more than the right side have more than the one or the other, which are less than ``u``
and ``w`` of volume; and for every ``u + w = V + v``, by the same argument on what is left,

    ``D_v(A + B) >= D_u(A) + D_w(B)``.

With ``u`` or ``w`` of 0 the maximum stands in: ``Dmax(A + B) <= Dmax(A) + Dmax(B)``. Means add as they are.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dosecalc.curves import Curve
from dosecalc.errors import MetricError
from dosecalc.intervals import Interval

_STEPS = 200
"""Halvings in the search for a volume: far below anything that can be told."""
_LEAST_PART = 1e-6
"""Of a structure: far above the rounding of volumes, far below anything that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Envelope:
    """What is known of the doses in a structure: between which ends each value of its curve lies.

    Parameters
    ----------
    volume_cm3 : volume of the structure
    low, high : ends of D_v in Gy for a volume of 0 (the maximum) to all of it (the minimum); neither rises
    mean_gy : ends of the mean
    low_steps, high_steps : volumes at which ``low`` is about to fall, and at which ``high`` has fallen, for
        one whose ends are steps; empty for others
    """

    volume_cm3: float
    low: Callable[[float], float]
    high: Callable[[float], float]
    mean_gy: Interval
    low_steps: tuple[float, ...] = ()
    high_steps: tuple[float, ...] = ()

    def dose_at_volume(self, cm3: float) -> Interval:
        """The ends of D_v; those of the maximum for 0 cm3.

        Raises
        ------
        MetricError : if the structure is smaller than that.
        """
        if not 0 <= cm3 <= self.volume_cm3 * (1 + 1e-9):
            raise MetricError(f"D{cm3:g}cc is not defined: the structure has {self.volume_cm3:.4g} cm3 only")
        cm3 = min(cm3, self.volume_cm3)
        return _between(self.low(cm3), self.high(cm3))

    def volume_at_dose(self, gy: float) -> Interval:
        """The ends of the volume in cm3 that has at least a dose."""
        return _between(self._volume(self.low, gy), self._volume(self.high, gy))

    def _volume(self, dose_at: Callable[[float], float], gy: float) -> float:
        if dose_at(self.volume_cm3) >= gy:
            return self.volume_cm3
        if dose_at(0.0) < gy:
            return 0.0
        inside, outside = 0.0, self.volume_cm3
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if dose_at(middle) >= gy else (inside, middle)
        return inside


def _between(low: float, high: float) -> Interval:
    """The lower end is what is certain, and so the value."""
    return Interval(value=low, low=low, high=max(low, high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What is stated of the doses of a course in a structure, each in Gy of the whole course.

    Parameters
    ----------
    least_gy, most_gy : no point has less, or more
    mean_gy : the mean, None where it is not known
    points : values of its curve, (volume in cm3, D_v), by ascending volume

    Raises
    ------
    MetricError : for numbers that are negative, not finite, or contradict each other.
    """

    least_gy: float = 0.0
    most_gy: float = math.inf
    mean_gy: float | None = None
    points: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        doses = [
            self.least_gy,
            *(d for _, d in self.points),
            *([] if self.mean_gy is None else [self.mean_gy]),
        ]
        if not all(math.isfinite(d) and d >= 0 for d in doses) or math.isnan(self.most_gy):
            raise MetricError(f"expected finite doses of 0 or more, found {doses}")
        if any(not (math.isfinite(v) and v > 0) for v, _ in self.points):
            raise MetricError(f"expected volumes above 0, found {[v for v, _ in self.points]}")
        falling = [self.most_gy, *(d for _, d in sorted(self.points)), self.least_gy]
        if falling != sorted(falling, reverse=True) or len({v for v, _ in self.points}) < len(self.points):
            raise MetricError(f"expected doses that fall from maximum to minimum, found {falling}")
        if self.mean_gy is not None and not self.least_gy <= self.mean_gy <= self.most_gy:
            raise MetricError(
                f"expected a mean from {self.least_gy:g} to {self.most_gy:g} Gy, found {self.mean_gy:g}"
            )


def uniform(gy: float) -> Numbers:
    """One dose everywhere.

    >>> envelope_of(uniform(45.0), volume_cm3=2.0).dose_at_volume(0.03)
    Interval(value=45.0, low=45.0, high=45.0)
    """
    return Numbers(least_gy=gy, most_gy=gy, mean_gy=gy)


def envelope_of(
    numbers: Numbers,
    *,
    volume_cm3: float,
    effect: Callable[[float], float] | None = None,
    is_convex: bool = True,
) -> Envelope:
    """What a few numbers say of all of a curve.

    Above a known volume a dose is at most that of the volume, below it at least; by the mean ``m`` no more
    than ``m V/v`` (Markov). ``effect`` turns a total dose into BED or EQD2 for the fractions it was given in;
    it must rise. Where it rises the faster the more dose (``is_convex``), a mean bounds the mean effect from
    below (Jensen), and from above only together with a maximum, by the chord from 0.

    Examples
    --------
    >>> known = envelope_of(Numbers(most_gy=45.0, points=((0.03, 40.0),)), volume_cm3=2.0)
    >>> known.dose_at_volume(0.01), known.dose_at_volume(1.0)
    (Interval(value=40.0, low=40.0, high=45.0), Interval(value=0.0, low=0.0, high=40.0))
    """
    turned = effect or (lambda gy: gy)
    points = sorted(p for p in numbers.points if p[0] <= volume_cm3)
    mean = numbers.mean_gy

    def high(cm3: float) -> float:
        known = [numbers.most_gy, *(d for v, d in points if v <= cm3)]
        if mean is not None and cm3 > 0:
            known.append(mean * volume_cm3 / cm3)
        return _turned(turned, min(known))

    def low(cm3: float) -> float:
        return _turned(turned, max([numbers.least_gy, *(d for v, d in points if v >= cm3)]))

    volumes = [v for v, _ in points]
    # The bound by the mean falls all along: any volumes give bounds of a sum, more of them nearer ones.
    falling = [k / 64 for k in range(1, 65) if mean is not None and mean * 64 / k < numbers.most_gy]
    return Envelope(
        volume_cm3=volume_cm3,
        low=low,
        high=high,
        mean_gy=_mean(numbers, points, volume_cm3, effect, is_convex=is_convex),
        low_steps=(*volumes, volume_cm3),
        high_steps=(0.0, *volumes, *(volume_cm3 * part for part in falling)),
    )


def _turned(effect: Callable[[float], float], gy: float) -> float:
    return gy if math.isinf(gy) else effect(gy)


def _mean(
    numbers: Numbers,
    points: Sequence[tuple[float, float]],
    volume_cm3: float,
    effect: Callable[[float], float] | None,
    *,
    is_convex: bool,
) -> Interval:
    """Ends of the mean: by the steps between known volumes, and by a known mean."""
    if effect is None and numbers.mean_gy is not None:
        return Interval.exactly(numbers.mean_gy)
    turned = effect or (lambda gy: gy)
    bounds = [0.0, *(v for v, _ in points), volume_cm3]
    doses = [numbers.most_gy, *(d for _, d in points), numbers.least_gy]
    widths = [b - a for a, b in itertools.pairwise(bounds)]
    high = sum(_turned(turned, d) * w for d, w in zip(doses, widths, strict=False) if w > 0) / volume_cm3
    low = sum(_turned(turned, d) * w for d, w in zip(doses[1:], widths, strict=True) if w > 0) / volume_cm3
    if numbers.mean_gy is None or not is_convex:
        return _between(low, high)
    if math.isfinite(numbers.most_gy) and numbers.most_gy > 0:
        high = min(high, numbers.mean_gy / numbers.most_gy * turned(numbers.most_gy))
    low = max(low, turned(numbers.mean_gy))
    return _between(low, high)


def envelope_of_curve(curve: Curve) -> Envelope:
    """The curve itself; where some volume is uncovered, what can be said of it.

    >>> known = envelope_of_curve(Curve.from_cells([10.0, 30.0], [1.0, 1.0]))
    >>> known.dose_at_volume(0).value, known.dose_at_volume(2).value, known.mean_gy.value
    (30.0, 10.0, 20.0)
    """

    def bounds(cm3: float) -> Interval:
        if cm3 <= 0:
            return curve.bounds(lambda c: c.max_gy)
        return curve.bounds(lambda c: c.dose_at_volume(min(cm3, c.volume_cm3)))

    return Envelope(
        volume_cm3=curve.volume_cm3,
        low=lambda cm3: bounds(cm3).low,
        high=lambda cm3: bounds(cm3).high,
        mean_gy=curve.bounds(lambda c: c.mean_gy),
    )


def envelope_in_doubt(curve: Curve) -> Envelope:
    """The curve, and how far end caps and sampling may take it, as :meth:`Curve.numerical` adds that up.

    >>> known = envelope_in_doubt(Curve.from_cells([10.0, 30.0], [1.0, 1.0]))
    >>> known.dose_at_volume(0), known.mean_gy.value
    (Interval(value=30.0, low=30.0, high=30.0), 20.0)
    """

    @functools.cache
    def bounds(cm3: float) -> Interval:
        percent = min(100 * cm3 / curve.volume_cm3, 100.0)
        return _in_doubt(curve, lambda c: c.dose_at_percent(percent) if percent > 0 else c.max_gy)

    return Envelope(
        volume_cm3=curve.volume_cm3,
        low=lambda cm3: bounds(cm3).low,
        high=lambda cm3: bounds(cm3).high,
        mean_gy=_in_doubt(curve, lambda c: c.mean_gy),
    )


def _in_doubt(curve: Curve, metric: Callable[[Curve], float]) -> Interval:
    return curve.bounds(metric).or_up_to(curve.numerical(metric))


def either(envelopes: Sequence[Envelope]) -> Envelope:
    """What is known of a dose in one structure that is one of several.

    >>> one, other = (envelope_of(uniform(gy), volume_cm3=2.0) for gy in (40.0, 45.0))
    >>> either([one, other]).dose_at_volume(1.0)
    Interval(value=40.0, low=40.0, high=45.0)
    """
    means = [e.mean_gy for e in envelopes]
    return Envelope(
        volume_cm3=envelopes[0].volume_cm3,
        low=lambda cm3: min(e.low(cm3) for e in envelopes),
        high=lambda cm3: max(e.high(cm3) for e in envelopes),
        mean_gy=_between(min(m.low for m in means), max(m.high for m in means)),
        low_steps=tuple(dict.fromkeys(v for e in envelopes for v in e.low_steps)),
        high_steps=tuple(dict.fromkeys(v for e in envelopes for v in e.high_steps)),
    )


def plus(first: Envelope, second: Envelope) -> Envelope:
    """What is known of the sum of two doses in one structure, wherever in it they lie.

    Parameters
    ----------
    second : one of steps, as :func:`envelope_of` makes them

    Examples
    --------
    Both have 10 Gy in 0.03 cm3, and 50 Gy in a hot spot that is smaller. The sum may have 60 Gy in 0.03 cm3:

    >>> one = Curve.from_cells([10.0, 50.0], [1.98, 0.02])
    >>> other = Numbers(most_gy=50.0, points=((0.03, 10.0),))
    >>> plus(envelope_of_curve(one), envelope_of(other, volume_cm3=2.0)).dose_at_volume(0.03)
    Interval(value=20.0, low=20.0, high=60.0)
    """
    whole = first.volume_cm3

    def high(cm3: float) -> float:
        return min(first.high(cm3 - w) + second.high(w) for w in second.high_steps if w <= cm3)

    def low(cm3: float) -> float:
        cm3 = min(cm3, second.volume_cm3)  # which may be smaller by rounding
        # Parts that fill the structure together share no point yet: a little more of one must be there.
        shared = (
            first.low(min(cm3 + (whole - w) + (whole * _LEAST_PART if w < whole else 0.0), whole))
            + second.low(w)
            for w in second.low_steps
            if w >= cm3
        )
        return max(shared)

    mean = Interval(
        value=first.mean_gy.value + second.mean_gy.value,
        low=first.mean_gy.low + second.mean_gy.low,
        high=first.mean_gy.high + second.mean_gy.high,
    )
    return Envelope(volume_cm3=whole, low=low, high=high, mean_gy=mean)
