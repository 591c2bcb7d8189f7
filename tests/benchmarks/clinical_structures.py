"""The structures of the clinical case as contoured: an exact number of points over all loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from clinical_anatomy import Organ, anatomy
from clinical_shapes import Floats, Outline

POINTS = 274_864
STRUCTURES = 34
FIRST_SLICE_MM, SLICE_MM, SLICES = -180.0, 2.5, 146
FEWEST_POINTS = 8
DECIMALS = 2


@dataclass(frozen=True, kw_only=True)
class Region:
    """A structure as contoured: loops (n, 3) in mm."""

    number: int
    name: str
    kind: str
    loops_xyz_mm: list[Floats] = field(repr=False)

    @property
    def points(self) -> int:
        return sum(map(len, self.loops_xyz_mm))


def regions(points: int = POINTS, *, copies: int = 1) -> list[Region]:
    """All structures, each so often, with exactly so many contour points over all of them."""
    drawn = [(organ, z, outline) for organ in anatomy() for z, outline in _drawn(organ)]
    wanted = np.array([_length_mm(outline) / organ.step_mm for organ, _, outline in drawn])
    total, rest = divmod(points, copies)
    if rest:
        raise ValueError(f"expected points that {copies} copies share evenly, found {points}")
    counts = _shared_out(wanted, total)
    loops: dict[str, list[Floats]] = {}
    kinds: dict[str, str] = {}
    for (organ, z, outline), count in zip(drawn, counts.tolist(), strict=True):
        kinds[organ.name] = organ.kind
        loops.setdefault(organ.name, []).append(_loop(outline, count, z))
    names = list(loops)
    return [
        Region(
            number=1 + k + copy * len(names),
            name=name if copy == 0 else f"{name}_{copy + 1}",
            kind=kinds[name],
            loops_xyz_mm=loops[name],
        )
        for copy in range(copies)
        for k, name in enumerate(names)
    ]


def _drawn(organ: Organ) -> Iterator[tuple[float, Outline]]:
    for k in range(SLICES):
        z = FIRST_SLICE_MM + SLICE_MM * k
        for outline in organ.shape.outlines(z):
            yield z, outline


def _length_mm(outline: Outline) -> float:
    return float(sum(np.hypot(*np.diff(piece, axis=0).T).sum() for piece in outline))


def _shared_out(wanted: Floats, total: int) -> npt.NDArray[np.intp]:
    """Whole numbers in the proportion of ``wanted``, none too small, that add up to ``total``."""
    spare = total - FEWEST_POINTS * wanted.size
    if spare < 0:
        raise ValueError(f"expected {FEWEST_POINTS * wanted.size} points or more, found {total}")
    exact = wanted * (spare / wanted.sum())
    counts = np.floor(exact).astype(np.intp)
    largest_rest_first = np.argsort(counts - exact, kind="stable")
    counts[largest_rest_first[: spare - int(counts.sum())]] += 1
    return counts + FEWEST_POINTS


def _loop(outline: Outline, count: int, z_mm: float) -> Floats:
    """So many points along an outline, corners kept, evenly spaced between them."""
    if len(outline) == 1:
        points = _along(outline[0], count + 1)[:-1]  # the last point is the first
    else:
        lengths = np.array([_length_mm([piece]) for piece in outline])
        first = int(np.clip(round(count * lengths[0] / lengths.sum()), 3, count - 3))
        points = np.concatenate([_along(outline[0], first), _along(outline[1], count - first)])
    return np.column_stack([points, np.full(len(points), z_mm)]).round(DECIMALS) + 0.0


def _along(piece: Floats, count: int) -> Floats:
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(piece, axis=0).T))])
    where = np.linspace(0.0, at[-1], count)
    return np.stack([np.interp(where, at, piece[:, k]) for k in (0, 1)], axis=1)
