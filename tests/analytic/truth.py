"""Dose-volume metrics of analytic solids by dense quadrature, none of it through dosecalc's geometry.

A solid is cut into layers, a layer into rows, a row into the chords that the section has there. Along a
chord a trilinear interpolant is linear between the lines of its grid, so a piece of a chord has a uniform
distribution of dose; what its row and its layer are thick enters as more width. The dose-volume curve is
then a sum of ramps, without bins.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from analytic import chords as chords_module
from analytic import doses as doses_module
from analytic.chords import Chords, extruded_chords, true_chords
from analytic.doses import CENTRE_XYZ_MM, Dose, DoseShape, dose_on, planes_mm
from analytic.outlines import Floats
from analytic.solids import AnalyticSolid

Metrics = Mapping[str, float]

PERCENTS = (99.0, 95.0, 50.0, 5.0, 1.0)
NEAR_MAXIMUM_CM3 = 0.03
DOSE_METRICS = (*(f"D{p:g}%" for p in PERCENTS), "D0.03cc", "mean")
EXTREMES = ("Dmin", "Dmax")

_STEEP_GY = 1e-5
"""Pieces of uniform dose count as this wide, so that a step is a steep ramp."""
_NEAR, _GAP_GY = 1e-3, 0.5
"""A dose is not settled where so small a share of the volume, or a hundredth of what lies on one side of
it, moves it by so much."""


def _pieces(chords: Chords, dose: Dose) -> tuple[Floats, Floats, Floats]:
    """Mean dose, width of dose and volume of chords, cut at the lines of the grid where it matters."""
    x0, x1, y, dy, z, dz = chords.x0, chords.x1, chords.y, chords.dy, chords.z, chords.dz
    if dose.gradient is not None:
        middle = dose.at(np.stack([(x0 + x1) / 2, y, z], axis=-1))
        gx, gy, gz = dose.gradient
        width = np.sqrt((gx * (x1 - x0)) ** 2 + (gy * dy) ** 2 + (gz * dz) ** 2)
        return middle, width, (x1 - x0) * dy * dz
    lines = dose.grid.lattice.x_mm - CENTRE_XYZ_MM[0]
    first = np.searchsorted(lines, x0, side="right")
    count = np.searchsorted(lines, x1, side="left") - first + 1
    owner = np.repeat(np.arange(len(x0)), count)
    rank = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    start = np.where(rank == 0, x0[owner], lines[first[owner] + rank - 1])
    stop = np.where(
        rank == count[owner] - 1, x1[owner], lines[np.minimum(first[owner] + rank, len(lines) - 1)]
    )
    y, dy, z, dz = y[owner], dy[owner], z[owner], dz[owner]
    x = (start + stop) / 2

    def span(step: Floats) -> Floats:
        at = np.stack([x, y, z], axis=-1)
        return dose.at(at + step / 2) - dose.at(at - step / 2)

    nothing = np.zeros_like(x)
    along = dose.at(np.stack([start, y, z], axis=-1)), dose.at(np.stack([stop, y, z], axis=-1))
    across = span(np.stack([nothing, dy, nothing], axis=-1)), span(np.stack([nothing, nothing, dz], axis=-1))
    width = np.sqrt((along[1] - along[0]) ** 2 + across[0] ** 2 + across[1] ** 2)
    return (along[0] + along[1]) / 2, width, (stop - start) * dy * dz


def _below(middle: Floats, width: Floats, volume: Floats) -> tuple[Floats, Floats]:
    """Doses in ascending order and the volume below each: the sum of one ramp a piece."""
    kept = volume > 0
    middle, width, volume = middle[kept], np.maximum(width[kept], _STEEP_GY), volume[kept]
    slope = volume / width
    at = np.concatenate([middle - width / 2, middle + width / 2])
    order = np.argsort(at)
    at = at[order]
    rate = np.cumsum(np.concatenate([slope, -slope])[order])
    below = np.concatenate([[0.0], np.cumsum(rate[:-1] * np.diff(at))])
    return at, np.maximum.accumulate(below)


def _dose_beyond(volume: float, at: Floats, below: Floats) -> float | None:
    """The dose that the hottest part of so much volume has at least; None where the curve has a gap.

    In a gap any dose between its ends is right: two balls of one size have no one median dose.
    """
    total = float(below[-1])
    near = min(_NEAR * total, volume / 100, (total - volume) / 100)
    low, found, high = np.interp(total - volume + np.array([-near, 0.0, near]), below, at)
    return float(found) if high - low < _GAP_GY else None


def metrics(chords: Chords, dose: Dose, volume_mm3: float | None = None) -> Metrics:
    """Volume (cm3) and doses (Gy), less those that the curve does not settle.

    ``volume_mm3`` is that of the closed form, where there is one.
    """
    middle, width, volume = _pieces(chords, dose)
    at, below = _below(middle, width, volume)
    total = float(volume.sum())
    exact = total if volume_mm3 is None else volume_mm3
    wanted = {f"D{percent:g}%": total * percent / 100 for percent in PERCENTS}
    if exact >= NEAR_MAXIMUM_CM3 * 1000:
        wanted["D0.03cc"] = NEAR_MAXIMUM_CM3 * 1000
    doses = {name: _dose_beyond(beyond, at, below) for name, beyond in wanted.items()}
    ends = dose.at(chords.surface)
    if dose.gradient is None:
        ends = np.concatenate([ends, middle])
    return {
        "volume": exact / 1000,
        "mean": float(np.dot(middle, volume) / total),
        **{name: gy for name, gy in doses.items() if gy is not None},
        "Dmin": float(ends.min()),
        "Dmax": float(ends.max()),
    }


def _fingerprint(solid: AnalyticSolid) -> str:
    digest = hashlib.sha256()
    for module in (__file__, chords_module.__file__, doses_module.__file__):
        digest.update(Path(module).read_bytes())
    digest.update(
        repr((solid.volume_mm3, solid.low_mm, solid.high_mm, solid.breaks_mm, solid.yaw_deg)).encode()
    )
    for z in np.linspace(solid.low_mm, solid.high_mm, 9)[1:-1]:
        for loop in solid.loops(float(z), 24):
            digest.update(np.round(loop, 9).tobytes())
    return digest.hexdigest()[:24]


class Truths:
    """Metrics of one solid, itself and extruded, each computed once and kept in the temporary folder."""

    def __init__(self, solid: AnalyticSolid) -> None:
        self.solid = solid
        folder = Path(tempfile.gettempdir()) / "dosecalc-analytic"
        folder.mkdir(exist_ok=True)
        self._file = folder / f"{_fingerprint(solid)}.json"
        self._known: dict[str, dict[str, float]] = (
            json.loads(self._file.read_text()) if self._file.exists() else {}
        )
        self._doses: dict[str, Dose] = {}
        self._chords: dict[str, Chords] = {}
        self._changed = False

    def dose(self, shape: DoseShape) -> Dose:
        if shape.name not in self._doses:
            self._doses[shape.name] = dose_on(self.solid, shape)
        return self._doses[shape.name]

    def true(self, shape: DoseShape) -> Metrics:
        """Metrics of the solid itself."""
        key = repr(shape)
        if key not in self._known:
            if "" not in self._chords:
                self._chords[""] = true_chords(self.solid)
            self._keep(key, metrics(self._chords[""], self.dose(shape), self.solid.volume_mm3))
        return self._known[key]

    def extruded(self, shape: DoseShape, spacing_mm: float, phase: float) -> Metrics:
        """Metrics of its exact sections, extruded."""
        where = f"{spacing_mm:g} mm, {phase:g}"
        key = f"{where}: {shape!r}"
        if key not in self._known:
            if where not in self._chords:
                z_mm = planes_mm(self.solid, spacing_mm, phase)
                self._chords = {k: v for k, v in self._chords.items() if k == ""}
                self._chords[where] = extruded_chords(self.solid, z_mm, spacing_mm)
            self._keep(key, metrics(self._chords[where], self.dose(shape)))
        return self._known[key]

    def _keep(self, key: str, found: Metrics) -> None:
        self._known[key] = dict(found)
        self._changed = True

    def save(self) -> None:
        """Write what is new, whole or not at all."""
        if self._changed:
            part = self._file.with_suffix(f".{os.getpid()}")
            part.write_text(json.dumps(self._known))
            part.replace(self._file)
            self._changed = False
