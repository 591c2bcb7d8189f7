"""The dose-volume curve of a structure: where cells begin and end, not a histogram."""

from __future__ import annotations

import bisect
import functools
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.errors import MetricError, NotCoveredError
from dosecalc.intervals import Interval
from dosecalc.legible import json_text
from dosecalc.notebook import data_frame, html_table
from dosecalc.quantities import Physical, Quantity, describe
from dosecalc.radiobiology import geud
from dosecalc.spreads import Variant, falling, spread, varied

Floats = npt.NDArray[np.float64]

_RESOLVED = 2e-4
"""Cells resolve the doses of a structure to this part of their range, measured on solids of known dose."""
_ROUNDING = 1e-9
"""Relative rounding of sums: a million cells of 1e-16 each, with room to spare."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A cumulative dose-volume curve.

    Parameters
    ----------
    dose_gy : doses in ascending order, Gy of ``quantity``
    volume_above_cm3 : volume that has at least that dose; between two doses it falls evenly. A dose that
        stands twice is a step: first what has at least that dose, then what has more
    covered_cm3 : volume of the structure for which the dose is known
    uncovered_cm3 : volume of the structure for which it is not
    floor : curve of what all of the structure has at least, where some of it is uncovered
    others : makes the same curve under other assumptions, each with what it is about

    Notes
    -----
    While any volume is uncovered, a metric has no answer and raises ``NotCoveredError``: ask
    ``bounds`` for what can be said, or ``covered_part`` for the part that is covered.

    Examples
    --------
    >>> curve = Curve.from_cells([10.0, 20.0, 30.0], [1.0, 1.0, 2.0])
    >>> curve.mean_gy, curve.dose_at_volume(2.5), curve.percent_at_dose(20)
    (22.5, 20.0, 75.0)
    >>> part = Curve.from_cells([10.0, float("nan")], [3.0, 1.0])
    >>> part.bounds(lambda c: c.mean_gy)
    Interval(value=7.5, low=7.5, high=inf)
    """

    dose_gy: Floats
    volume_above_cm3: Floats
    quantity: Quantity = Physical()
    covered_cm3: float
    uncovered_cm3: float = 0.0
    floor: Curve | None = None
    others: Callable[[], tuple[tuple[str, Curve], ...]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("dose_gy", "volume_above_cm3"):
            array = np.asarray(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def from_cells(
        cls,
        dose_gy: npt.ArrayLike,
        volume_cm3: npt.ArrayLike,
        quantity: Quantity | None = None,
        *,
        span_gy: npt.ArrayLike | None = None,
        at_least_gy: npt.ArrayLike | None = None,
        variants: Callable[[], Iterable[Variant]] | None = None,
    ) -> Curve:
        """The curve of cells with a dose (NaN where it is not known) and a volume each, shape (n,).

        ``span_gy`` is the range over which the dose of a cell spreads evenly, half of it on either side;
        ``at_least_gy`` is what each cell is known to have where its whole dose is not known; ``variants``
        says, when it is asked, what the cells are under other assumptions.

        Raises
        ------
        MetricError : for unequal shapes, or volumes that are negative or not finite.
        """
        dose = np.asarray(dose_gy, dtype=np.float64)
        volume = np.asarray(volume_cm3, dtype=np.float64)
        if dose.shape != volume.shape or dose.ndim != 1:
            raise MetricError(
                f"curve: expected as many doses as volumes, found shapes {dose.shape} and {volume.shape}"
            )
        if not np.all(np.isfinite(volume) & (volume >= 0)):
            raise MetricError("curve: expected finite volumes of 0 or more")
        whole = float(volume.sum())
        span = np.zeros(dose.shape) if span_gy is None else np.asarray(span_gy, dtype=np.float64)
        kept = (volume > 0) & ~np.isnan(dose)  # a cell without volume has no maximum
        if not kept.all():
            dose, volume, span = dose[kept], volume[kept], span[kept]
        cells = spread(dose, span, volume)
        ascending, above = falling(cells)
        covered = float(above[0]) if above.size else 0.0
        uncovered = max(whole - covered, 0.0)
        if uncovered <= _ROUNDING * covered:
            uncovered = 0.0
        made = cls(
            dose_gy=ascending,
            volume_above_cm3=above,
            quantity=Physical() if quantity is None else quantity,
            covered_cm3=covered,
            uncovered_cm3=uncovered,
            floor=None
            if at_least_gy is None or uncovered == 0
            else cls.from_cells(at_least_gy, volume_cm3, quantity),
        )
        if variants is None or not kept.all():
            return made

        def others() -> tuple[tuple[str, Curve], ...]:
            changed = ((about, made._with(*points)) for about, points in varied(cells, tuple(variants())))
            return (*changed, *made._shifted())

        return replace(made, others=functools.cache(others))

    @property
    def volume_cm3(self) -> float:
        """Volume of the structure, whether covered by dose or not."""
        return self.covered_cm3 + self.uncovered_cm3

    @property
    def covered_part(self) -> Curve:
        """The curve of the covered volume alone, as if it were the structure.

        Raises
        ------
        NotCoveredError : if nothing is covered.
        """
        if self.covered_cm3 <= 0:
            raise NotCoveredError(f"no part of the {self.volume_cm3:.4g} cm3 has a known dose")
        return self._with(self.dose_gy, self.volume_above_cm3)

    def bounds(self, metric: Callable[[Curve], float]) -> Interval:
        """What can be said of a metric: the uncovered volume at what it has at least, and without limit.

        The value is the end that is certain, the lower one, unless all volume is covered.
        """
        if self.uncovered_cm3 == 0:
            return Interval.exactly(metric(self))
        volume = self.volume_above_cm3
        colder = self.floor or self._with(
            np.concatenate([[0.0, 0.0], self.dose_gy]),
            np.concatenate([[self.volume_cm3, self.covered_cm3], volume]),
        )
        hotter = self._with(
            np.append(self.dose_gy, [np.inf, np.inf]),
            np.append(volume + self.uncovered_cm3, [self.uncovered_cm3, 0.0]),
        )
        low = metric(colder)
        with np.errstate(invalid="ignore"):
            high = metric(hotter)
        # Sums of infinite doses may come out as NaN, which is no bound either.
        return Interval(value=low, low=low, high=np.inf if np.isnan(high) else max(low, high))

    def numerical(self, metric: Callable[[Curve], float]) -> Interval:
        """How far a metric may be off by the convention for end caps and by sampling, added up.

        Where volume is uncovered that doubt is small beside what ``bounds`` says, and is not added.

        Examples
        --------
        >>> curve = Curve.from_cells([10.0, 30.0], [1.0, 1.0])
        >>> curve.numerical(lambda c: c.mean_gy)
        Interval(value=20.0, low=20.0, high=20.0)
        """
        if self.others is None or self.uncovered_cm3 > 0:
            return Interval.exactly(self.bounds(metric).value)
        value = metric(self)
        apart: dict[str, list[float]] = {}
        for about, other in self.others():
            try:
                apart.setdefault(about, [0.0]).append(metric(other) - value)
            except MetricError:
                continue  # too small under that assumption for the metric to be defined
        below, above = (sum(pick(d) for d in apart.values()) for pick in (min, max))
        return Interval(value=value, low=min(value, max(value + below, 0.0)), high=value + above)

    def _shifted(self) -> Iterator[tuple[str, Curve]]:
        """The curve as far off as cells resolve it."""
        shift_gy = _RESOLVED * (self.max_gy - self.min_gy)
        for shift in (-shift_gy, shift_gy):
            yield "cells", self._with(np.maximum(self.dose_gy + shift, 0.0), self.volume_above_cm3)

    def _with(self, dose_gy: Floats, volume_above_cm3: Floats) -> Curve:
        return Curve(
            dose_gy=dose_gy,
            volume_above_cm3=volume_above_cm3,
            quantity=self.quantity,
            covered_cm3=float(volume_above_cm3[0]),
        )

    def _require_cover(self, metric: str) -> None:
        if self.uncovered_cm3 > 0 or self.covered_cm3 <= 0:
            raise NotCoveredError(
                f"{metric}: {self.uncovered_cm3:.4g} of {self.volume_cm3:.4g} cm3 have no known dose; "
                "ask bounds(...) for what can be said or covered_part for the rest"
            )

    @property
    def min_gy(self) -> float:
        self._require_cover("minimum dose")
        return float(self.dose_gy[0])

    @property
    def max_gy(self) -> float:
        self._require_cover("maximum dose")
        return float(self.dose_gy[-1])

    @property
    def mean_gy(self) -> float:
        self._require_cover("mean dose")
        if np.isinf(self.dose_gy[-1]):
            return float("inf")
        # About the minimum, so that a uniform dose comes back to the last digit.
        volume = self.volume_above_cm3
        excess = np.sum(np.diff(self.dose_gy) * (volume[1:] + volume[:-1])) / (2 * self.covered_cm3)
        return float(self.dose_gy[0] + excess)

    @property
    def median_gy(self) -> float:
        """The dose that half of the volume reaches."""
        return self.dose_at_percent(50)

    def dose_at_volume(self, cm3: float) -> float:
        """D_v: the highest dose that a volume of ``cm3`` has at least.

        Raises
        ------
        MetricError : if the structure is smaller than that, or ``cm3`` is not positive.
        """
        self._require_cover(f"D{cm3:g}cc")
        if not cm3 > 0:
            raise MetricError(f"D{cm3:g}cc: expected a positive volume")
        if cm3 > self.volume_cm3 * (1 + _ROUNDING):
            raise MetricError(f"D{cm3:g}cc is not defined: the structure has {self.volume_cm3:.4g} cm3 only")
        volume = self.volume_above_cm3
        last = max(bisect.bisect_right(volume, -cm3 * (1 - _ROUNDING), key=operator.neg) - 1, 0)
        dose = float(self.dose_gy[last])
        if last + 1 == volume.size or volume[last] <= cm3 or self.dose_gy[last + 1] == dose:
            return dose
        part = (volume[last] - cm3) / (volume[last] - volume[last + 1])
        return float(dose + part * (self.dose_gy[last + 1] - dose))

    def dose_at_percent(self, percent: float) -> float:
        """D_x%: the highest dose that ``percent`` of the volume have at least."""
        if not 0 < percent <= 100:
            raise MetricError(f"D{percent:g}%: expected a percentage above 0 and up to 100")
        self._require_cover(f"D{percent:g}%")
        return self.dose_at_volume(self.volume_cm3 * percent / 100)

    def volume_at_dose(self, gy: float) -> float:
        """V_d in cm3: the volume that has at least ``gy``."""
        self._require_cover(f"V{gy:g}Gy")
        index = int(np.searchsorted(self.dose_gy, gy, side="left"))
        if index == self.dose_gy.size:
            return 0.0
        high, volume = self.dose_gy[index], float(self.volume_above_cm3[index])
        if index == 0 or high == gy:
            return volume
        low, more = self.dose_gy[index - 1], self.volume_above_cm3[index - 1]
        return float(volume + (more - volume) * (high - gy) / (high - low) if more > volume else volume)

    def percent_at_dose(self, gy: float) -> float:
        """V_d in percent of the volume."""
        return 100 * (self.volume_at_dose(gy) / self.volume_cm3)

    def geud(self, a: float) -> float:
        """Generalised equivalent uniform dose in Gy, see :func:`dosecalc.geud`."""
        self._require_cover("gEUD")
        middle, volume = (self.dose_gy[1:] + self.dose_gy[:-1]) / 2, -np.diff(self.volume_above_cm3)
        return geud(middle, volume, a=a)

    def __repr__(self) -> str:
        """One line that shows what the curve is about, coverage included."""
        cover = f", {self.uncovered_cm3:.4g} cm3 uncovered" if self.uncovered_cm3 else ""
        if self.covered_cm3 <= 0:
            return f"<Curve of {describe(self.quantity)}: {self.volume_cm3:.4g} cm3, no dose known>"
        return (
            f"<Curve of {describe(self.quantity)}: {self.volume_cm3:.4g} cm3{cover}, "
            f"{self.dose_gy[0]:.4g} to {self.dose_gy[-1]:.4g} Gy>"
        )

    def to_dict(self) -> dict[str, object]:
        """The curve as plain data: its points, what they are about and how much of the volume has them."""
        return {
            "quantity": describe(self.quantity),
            "volume_cm3": self.volume_cm3,
            "covered_cm3": self.covered_cm3,
            "uncovered_cm3": self.uncovered_cm3,
            "dose_gy": self.dose_gy.tolist(),
            "volume_above_cm3": self.volume_above_cm3.tolist(),
        }

    def to_json(self) -> str:
        """The curve as JSON text."""
        return json_text(self.to_dict())

    def to_dataframe(self) -> Any:
        """The points as a pandas DataFrame: at each dose what volume has it at least and at most.

        The two differ by the volume for which no dose is known.

        Raises
        ------
        DosecalcError : if pandas is not installed.
        """
        low, high = self.volume_above_cm3, self.volume_above_cm3 + self.uncovered_cm3
        percent = 100 / self.volume_cm3 if self.volume_cm3 else 0.0
        columns = {
            f"{describe(self.quantity)} [Gy]": self.dose_gy,
            "volume low [cm3]": low,
            "volume high [cm3]": high,
            "volume low [%]": low * percent,
            "volume high [%]": high * percent,
        }
        points = np.column_stack(list(columns.values()))
        rows: list[Mapping[str, float]] = [dict(zip(columns, p, strict=True)) for p in points.tolist()]
        return data_frame(dict.fromkeys(columns, float), rows)

    def _repr_html_(self) -> str:
        rows = [(name, _metric_text(self, metric)) for name, metric in _METRICS.items()]
        notes = (f"{self.uncovered_cm3:.4g} of {self.volume_cm3:.4g} cm3 have no known dose",)
        title = f"{describe(self.quantity)} in {self.volume_cm3:.4g} cm3"
        return html_table(title, ("metric", "Gy"), rows, notes=notes if self.uncovered_cm3 else ())


_METRICS: Mapping[str, Callable[[Curve], float]] = {
    "minimum": lambda c: c.min_gy,
    "D98%": lambda c: c.dose_at_percent(98),
    "D95%": lambda c: c.dose_at_percent(95),
    "mean": lambda c: c.mean_gy,
    "median": lambda c: c.median_gy,
    "D2%": lambda c: c.dose_at_percent(2),
    "D0.03cc": lambda c: c.dose_at_volume(0.03),
    "maximum": lambda c: c.max_gy,
}


def _metric_text(curve: Curve, metric: Callable[[Curve], float]) -> str:
    """A dose with two decimals, or its bound; a metric without an answer has none."""
    try:
        found = curve.bounds(metric)
    except MetricError:
        return "not defined"
    if found.is_exact:
        return f"{found.value:.2f}"
    low = "" if found.low <= 0 else f"at least {found.low:.2f}"
    high = "" if np.isinf(found.high) else f"at most {found.high:.2f}"
    return ", ".join(filter(None, (low, high))) or "not known"
