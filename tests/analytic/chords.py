"""Solids cut into layers, layers into rows, rows into chords along x: exact but for layers and rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import roots_legendre

from analytic.outlines import Floats
from analytic.solids import AnalyticSolid

LAYER_MM = 0.2
ROW_MM = 0.3
SUBLAYER_MM = 0.35
POINTS = 1440
GAP = 1.5
"""Planes further apart than this many slices have nothing between them: no contours, no solid."""


@dataclass(frozen=True, slots=True, eq=False)
class Chords:
    """Chords along x: their ends, their row, their layer, how thick both are; and points of the surface."""

    x0: Floats
    x1: Floats
    y: Floats
    dy: Floats
    z: Floats
    dz: Floats
    surface: Floats

    @property
    def volume_mm3(self) -> float:
        return float(np.sum((self.x1 - self.x0) * self.dy * self.dz))


@cache
def _gauss(number: int) -> tuple[Floats, Floats]:
    node, weight = roots_legendre(number)
    return np.asarray(node), np.asarray(weight)


def _nodes(breaks: Floats, step_mm: float, least: int, most: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights in each interval between breaks."""
    nodes, weights = [], []
    for low, high in itertools.pairwise(breaks.tolist()):
        if high - low < 1e-7:
            continue
        number = int(np.clip(np.ceil((high - low) / step_mm), least, most))
        node, weight = _gauss(-(-number // 32) * 32)
        nodes.append((low + high) / 2 + (high - low) / 2 * node)
        weights.append((high - low) / 2 * weight)
    return np.concatenate(nodes), np.concatenate(weights)


def _turns(loop: Floats) -> Floats:
    """The y where a loop turns back or has a corner: between them chords change smoothly."""
    before, after = loop - np.roll(loop, 1, axis=0), np.roll(loop, -1, axis=0) - loop
    lengths = np.hypot(*before.T) * np.hypot(*after.T)
    corner = np.sum(before * after, axis=1) < 0.95 * lengths
    return np.asarray(loop[(before[:, 1] * after[:, 1] <= 0) | corner, 1])


def _section_chords(loops: list[Floats]) -> tuple[Floats, Floats, Floats, Floats]:
    """x0, x1, y, dy of chords through a section, by the even-odd rule; exact for its polygons."""
    rows, thick = _nodes(np.unique(np.concatenate([_turns(loop) for loop in loops])), ROW_MM, 64, 384)
    order = np.argsort(rows)
    rows, thick = rows[order], thick[order]
    a = np.concatenate(loops)
    b = np.concatenate([np.roll(loop, -1, axis=0) for loop in loops])
    first = np.searchsorted(rows, np.minimum(a[:, 1], b[:, 1]), side="left")
    count = np.searchsorted(rows, np.maximum(a[:, 1], b[:, 1]), side="left") - first
    edge = np.repeat(np.arange(len(a)), count)
    row = first[edge] + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    part = (rows[row] - a[edge, 1]) / (b[edge, 1] - a[edge, 1])
    x = a[edge, 0] + part * (b[edge, 0] - a[edge, 0])
    order = np.lexsort((x, row))
    x, row = x[order], row[order]
    assert np.array_equal(row[::2], row[1::2]), "loops are closed: each row crosses them in pairs"
    return x[::2], x[1::2], rows[row[::2]], thick[row[::2]]


def _chords(layers: Iterator[tuple[Floats, Floats, list[Floats]]]) -> Chords:
    """Chords of layers that share a section: z of each layer, its thickness, and the loops."""
    found: list[Floats] = []
    surface = []
    for z, dz, loops in layers:
        x0, x1, y, dy = _section_chords(loops)
        across = np.tile(np.stack([x0, x1, y, dy]), len(z))
        found.append(np.concatenate([across, np.repeat(np.stack([z, dz]), len(y), axis=1)]))
        outline = np.concatenate(loops)[:: max(1, len(loops[0]) // 360)]
        ends = (z[0] - dz[0] / 2, z[-1] + dz[-1] / 2) if len(z) > 1 else (z[0],)
        surface += [np.column_stack([outline, np.full(len(outline), end)]) for end in ends]
    x0, x1, y, dy, layer_z, layer_dz = np.concatenate(found, axis=1)
    return Chords(x0, x1, y, dy, layer_z, layer_dz, np.concatenate(surface))


def true_chords(solid: AnalyticSolid) -> Chords:
    """Chords of the solid itself."""
    breaks = np.array([solid.low_mm, *sorted(solid.breaks_mm), solid.high_mm])
    z_mm, dz = _nodes(breaks, LAYER_MM, 96, 448)

    def layers() -> Iterator[tuple[Floats, Floats, list[Floats]]]:
        for z, thick in zip(z_mm.tolist(), dz.tolist(), strict=True):
            loops = solid.loops(z, POINTS)
            if loops:
                yield np.array([z]), np.array([thick]), loops
        # Layers of no thickness: the ends themselves, for the extremes of the dose.
        for end in (solid.low_mm + 1e-6, solid.high_mm - 1e-6):
            loops = solid.loops(end, POINTS)
            if loops:
                yield np.array([end]), np.array([0.0]), loops

    return _chords(layers())


def slabs_mm(z_mm: Floats, spacing_mm: float) -> list[tuple[float, float]]:
    """From where to where each plane's section holds: midway to the next, half a slice at ends and gaps."""
    middle = (z_mm[1:] + z_mm[:-1]) / 2
    apart = np.diff(z_mm) > GAP * spacing_mm
    low = np.concatenate([[z_mm[0] - spacing_mm / 2], np.where(apart, z_mm[1:] - spacing_mm / 2, middle)])
    high = np.concatenate([np.where(apart, z_mm[:-1] + spacing_mm / 2, middle), [z_mm[-1] + spacing_mm / 2]])
    return list(zip(low.tolist(), high.tolist(), strict=True))


def extruded_chords(solid: AnalyticSolid, z_mm: Floats, spacing_mm: float) -> Chords:
    """Chords of what extruding the exact sections by half a slice up and down makes of the solid."""
    thin = max(SUBLAYER_MM, (solid.high_mm - solid.low_mm) / 200)

    def layers() -> Iterator[tuple[Floats, Floats, list[Floats]]]:
        for z, (low, high) in zip(z_mm.tolist(), slabs_mm(z_mm, spacing_mm), strict=True):
            number = max(4, int(np.ceil((high - low) / thin)))
            step = (high - low) / number
            middles = low + step * (np.arange(number, dtype=np.float64) + 0.5)
            yield middles, np.full(number, step), solid.loops(z, POINTS)

    return _chords(layers())
