"""Cells that spread over doses, as the points of a falling curve; and the same with some of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Points = tuple[Floats, Floats]
"""Doses in ascending order, and the volume that has at least each."""

_STEP_GY = 1e-5
"""Cells whose doses span less than this are steps of the curve."""
_FEW_CELLS = 4_000
"""Of more cells the curve is made at knots, faster than by sorting them, unless some are steps."""
_STEPS = 1e-3
"""Steps of less than this part of the volume do not matter."""
_ZERO_GY = 1e-9
"""Doses this much above the lowest are no other doses."""
_KNOT_GY = 2e-4
_KNOTS, _KNOTS_PER_CELL = 1 << 18, 3
"""Knots are that far apart, or so many: a step of dose is wrong by as much, an even slope by nothing."""
_AT_ONCE = 1 << 16
"""Cells of which a processor's cache holds what is made of them."""
_KNOTS_OF_DOUBT = 1 << 14
"""Knots of a variant's curve, whose distance from the curve itself is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spread:
    """Cells whose doses spread evenly over a span, half of it on either side, (n,) each."""

    dose_gy: Floats
    span_gy: Floats
    volume_cm3: Floats

    def __len__(self) -> int:
        return len(self.dose_gy)

    def of(self, chosen: Ints | slice) -> Spread:
        """Some of the cells."""
        return Spread(
            dose_gy=self.dose_gy[chosen], span_gy=self.span_gy[chosen], volume_cm3=self.volume_cm3[chosen]
        )

    @property
    def low_gy(self) -> float:
        return float((self.dose_gy - self.span_gy / 2).min())

    @property
    def high_gy(self) -> float:
        return float((self.dose_gy + self.span_gy / 2).max())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variant:
    """What cells would be under another assumption; of those about the same one, the furthest counts.

    Parameters
    ----------
    about : the assumption
    replaced : positions of the cells that are others, (m,)
    by : what stands in their place
    scale : by what all volumes are multiplied then
    """

    about: str
    replaced: Ints
    by: Spread
    scale: float = 1.0


def spread(dose_gy: Floats, span_gy: Floats, volume_cm3: Floats) -> Spread:
    """Cells with spans no wider than keeps all of their doses above zero."""
    return Spread(dose_gy=dose_gy, span_gy=np.minimum(span_gy, 2 * np.abs(dose_gy)), volume_cm3=volume_cm3)


def falling(cells: Spread) -> Points:
    """Doses at which the curve of cells bends or steps, and the volume that has at least each.

    A cell takes its volume away evenly from its lowest to its highest dose; one without a span, at once.
    Where volume goes at once the dose stands twice: before the step and after it.
    """
    if not len(cells):
        return cells.dose_gy, cells.volume_cm3
    if _exact(cells):
        return _exactly(cells)
    most = min(_KNOTS, _KNOTS_PER_CELL * len(cells))
    low_gy, high_gy = cells.low_gy, cells.high_gy
    knots = _Knots.between(low_gy, high_gy, most)
    return knots.points(knots.falls(cells), low_gy, high_gy, float(cells.volume_cm3.sum()))


def _exact(cells: Spread) -> bool:
    """Whether the curve is made of the cells themselves: where few, or where doses are uneven in steps."""
    if len(cells) <= _FEW_CELLS:
        return True
    steps = cells.span_gy < _STEP_GY
    if not steps.any():
        return False
    steps &= cells.dose_gy > cells.low_gy + _ZERO_GY
    return float(cells.volume_cm3[steps].sum()) > _STEPS * float(cells.volume_cm3.sum())


def varied(cells: Spread, variants: Sequence[Variant]) -> Iterator[tuple[str, Points]]:
    """The points of each variant's curve that holds any volume, with what it is about.

    Curves at knots add: only what is replaced is taken away and put in again.
    """
    possible = [v for v in variants if v.by.volume_cm3.any() or len(v.replaced) < len(cells)]
    if _exact(cells):
        for variant in possible:
            yield variant.about, _exactly(_changed(cells, variant))
        return
    ends = list(_ends(cells, possible))
    knots = _Knots.between(
        min([cells.low_gy, *(low for low, _ in ends)]),
        max([cells.high_gy, *(high for _, high in ends)]),
        _KNOTS_OF_DOUBT,
    )
    falls, volume = knots.falls(cells), float(cells.volume_cm3.sum())
    for variant, (low, high) in zip(possible, ends, strict=True):
        replaced = cells.of(variant.replaced)
        now = falls - knots.falls(replaced) + knots.falls(variant.by)
        whole = volume - float(replaced.volume_cm3.sum()) + float(variant.by.volume_cm3.sum())
        yield variant.about, knots.points(now * variant.scale, low, high, whole * variant.scale)


def _ends(cells: Spread, variants: Sequence[Variant]) -> Iterator[tuple[float, float]]:
    """The lowest and the highest dose of each variant."""
    lows, highs = cells.dose_gy - cells.span_gy / 2, cells.dose_gy + cells.span_gy / 2
    lowest, highest = int(lows.argmin()), int(highs.argmax())
    for variant in variants:
        left = np.ones(len(cells), dtype=np.bool_)
        left[variant.replaced] = False
        low = lows[lowest] if left[lowest] else lows[left].min(initial=np.inf)
        high = highs[highest] if left[highest] else highs[left].max(initial=-np.inf)
        if variant.by.volume_cm3.any():  # a cell without volume has no maximum
            low, high = min(low, variant.by.low_gy), max(high, variant.by.high_gy)
        yield float(low), float(high)


def _changed(cells: Spread, variant: Variant) -> Spread:
    parts = cells.of(np.delete(np.arange(len(cells)), variant.replaced)), variant.by
    dose, span, volume = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("dose_gy", "span_gy", "volume_cm3")
    )
    kept = volume > 0  # a cell without volume has no maximum
    return Spread(dose_gy=dose[kept], span_gy=span[kept], volume_cm3=volume[kept] * variant.scale)


def _exactly(cells: Spread) -> Points:
    at_once = cells.span_gy < _STEP_GY
    spread = ~at_once
    slope = cells.volume_cm3[spread] / cells.span_gy[spread]
    half, centre = cells.span_gy[spread] / 2, cells.dose_gy[spread]
    bends = np.concatenate([centre - half, centre + half, cells.dose_gy[at_once]])
    order = np.argsort(bends)
    bends = bends[order]
    falls = np.cumsum(np.concatenate([slope, -slope, np.zeros(len(bends) - 2 * len(centre))])[order])
    lost = np.concatenate([[0.0], np.cumsum(falls[:-1] * np.diff(bends))])
    ascending, above = bends, float(cells.volume_cm3.sum()) - lost
    if at_once.any():
        steps = np.concatenate([np.zeros(2 * centre.size), cells.volume_cm3[at_once]])[order]
        ascending, above = _stepped(bends, above, steps)
    above = np.clip(np.minimum.accumulate(above), 0.0, None)
    above[-1] = 0.0
    return ascending, above


def _stepped(bends: Floats, above: Floats, steps: Floats) -> Points:
    """A curve that takes steps at its bends besides, the dose of each before it and after it."""
    before = above - (np.cumsum(steps) - steps)
    step = np.flatnonzero(steps)
    place = np.arange(bends.size) + np.searchsorted(step, np.arange(bends.size))
    size = bends.size + step.size
    ascending, stepped = np.empty(size), np.empty(size)
    ascending[place], stepped[place] = bends, before
    ascending[place[step] + 1], stepped[place[step] + 1] = bends[step], (before - steps)[step]
    return ascending, stepped


@dataclass(frozen=True, slots=True, kw_only=True)
class _Knots:
    """Even doses at which a curve is exact but for the cells that begin or end between two of them.

    These count for both knots in part; between knots the curve is taken to be straight.
    """

    first_gy: float
    step_gy: float
    count: int

    @classmethod
    def between(cls, low_gy: float, high_gy: float, most: int) -> _Knots:
        count = int(np.clip(np.ceil((high_gy - low_gy) / _KNOT_GY), 1, most))
        return cls(first_gy=low_gy, step_gy=(high_gy - low_gy) / count, count=count)

    def falls(self, cells: Spread) -> Floats:
        """The volume at the first knot itself, then how much steeper the curve becomes at each, (count + 3,).

        Many cells may have no dose at all: these are a step, and no knot's width is given to them.
        """
        falls = np.zeros(self.count + 3)
        if self.step_gy > 0:
            for begin in range(0, len(cells), _AT_ONCE):
                self._add_falls(falls, cells.of(slice(begin, begin + _AT_ONCE)))
        return falls

    def _add_falls(self, falls: Floats, cells: Spread) -> None:
        lowest = (cells.dose_gy <= self.first_gy + _ZERO_GY) & (cells.span_gy < _STEP_GY)
        volume = np.where(lowest, 0.0, cells.volume_cm3)
        falls[0] += cells.volume_cm3.sum() - volume.sum()
        width = np.maximum(cells.span_gy, self.step_gy)  # a cell narrower than a step falls within one
        slope = volume / width
        begin = cells.dose_gy - self.first_gy
        begin -= width / 2
        np.clip(begin, 0.0, self.count * self.step_gy - width, out=begin)
        place = np.concatenate([begin, begin + width])
        place /= self.step_gy
        np.clip(place, 0.0, self.count, out=place)
        knot = place.astype(np.intp)
        place -= knot
        slopes = np.concatenate([slope, -slope])
        place *= slopes
        falls[1:] += np.bincount(knot, weights=slopes - place, minlength=self.count + 2)
        falls[2:] += np.bincount(knot, weights=place, minlength=self.count + 2)[:-1]

    def points(self, falls: Floats, low_gy: float, high_gy: float, whole_cm3: float) -> Points:
        """The curve between its ends."""
        if not high_gy > low_gy:
            return np.array([low_gy, low_gy]), np.array([whole_cm3, 0.0])
        first = max(int((low_gy - self.first_gy) / self.step_gy), 0)
        last = min(int(np.ceil((high_gy - self.first_gy) / self.step_gy - 1e-6)), self.count)
        doses = self.first_gy + self.step_gy * np.arange(first, last + 1.0)
        lost = self.step_gy * np.cumsum(np.cumsum(falls[1 : last + 1]))
        above = np.append(whole_cm3, whole_cm3 - lost)[first:] - falls[0]
        np.clip(np.minimum.accumulate(above, out=above), 0.0, None, out=above)
        doses[0], doses[-1], above[-1] = low_gy, high_gy, 0.0
        return np.append(low_gy, doses), np.append(whole_cm3, above)
