"""A grid of displacement vectors, and what lies between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.errors import FrameError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]

ORTHONORMAL = 1e-4
"""How far products of directions may lie off 0 and 1: files round cosines to 1e-6."""
_ON_EDGE_MM = 1e-6
"""Points this close to the outermost vectors count as among them: the rounding of DICOM decimals."""
_ON_VECTOR = 1e-9
"""So near to a vector, in parts of the way to the next, the next has no say: it may not be known."""
_SLAB = 1 << 14
"""So many points are looked up at once: memory stays small, however many there are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorGrid:
    """Displacements in mm at the points of a grid that may lie obliquely.

    Vector ``[k, j, i]`` holds at ``origin + i r0 d0 + j r1 d1 + k r2 d2``, with resolutions ``r`` and
    directions ``d``. It points along the axes of the patient, not of the grid, and with a NaN in it is not
    known. Between vectors they are interpolated linearly along each axis; beyond the outermost there are
    none. Along an axis that has one vector only, it holds for half a resolution on both sides.

    Parameters
    ----------
    origin_xyz_mm : where vector [0, 0, 0] holds
    resolution_mm : steps along the three axes of the grid, its first (fastest) axis first
    vectors_mm : floats of shape (n2, n1, n0, 3); locked, not copied (a grid may be 200 MB)
    directions : unit vectors along the three axes of the grid, one a row
    largest_mm, unknown : length of the longest vector, and how many are not known

    Raises
    ------
    FrameError : if shape, resolutions or directions are none of a grid, or no vector is known.

    Examples
    --------
    >>> vectors = np.zeros((2, 2, 2, 3), dtype=np.float32)
    >>> vectors[:, :, 1] = [0, 0, 6]  # at the higher x
    >>> grid = VectorGrid(origin_xyz_mm=[0, 0, 0], resolution_mm=[3, 4, 5], vectors_mm=vectors)
    >>> grid.at(np.array([[1.0, 2.0, 2.0], [3.5, 2.0, 2.0]])).tolist()
    [[0.0, 0.0, 2.0], [nan, nan, nan]]
    """

    origin_xyz_mm: Floats
    resolution_mm: Floats
    vectors_mm: npt.NDArray[np.floating[Any]] = field(repr=False)
    directions: Floats = field(default_factory=lambda: np.eye(3))
    largest_mm: float = field(init=False)
    unknown: int = field(init=False)
    _steps_per_mm: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, shape in (("origin_xyz_mm", (3,)), ("resolution_mm", (3,)), ("directions", (3, 3))):
            numbers = np.array(getattr(self, name), dtype=np.float64)
            if numbers.shape != shape or not np.all(np.isfinite(numbers)):
                raise _bad(name, f"{'x'.join(map(str, shape))} finite numbers", numbers)
            numbers.setflags(write=False)
            object.__setattr__(self, name, numbers)
        if not np.all(self.resolution_mm > 0):
            raise _bad("resolution_mm", "steps above 0", self.resolution_mm)
        if np.abs(self.directions @ self.directions.T - np.eye(3)).max() > ORTHONORMAL:
            raise _bad("directions", "unit vectors at right angles", self.directions)
        steps_mm = self.directions * self.resolution_mm[:, None]
        object.__setattr__(self, "_steps_per_mm", np.asarray(np.linalg.inv(steps_mm), dtype=np.float64))
        self._take_vectors()

    def _take_vectors(self) -> None:
        vectors = np.asarray(self.vectors_mm)
        if vectors.dtype not in (np.float32, np.float64):
            raise _bad("vectors_mm", "floats of 32 or 64 bits", vectors.dtype)
        if vectors.ndim != 4 or vectors.shape[3] != 3 or not vectors.size:
            raise _bad("vectors_mm", "one vector or more, in the shape (n2, n1, n0, 3)", vectors.shape)
        largest_mm, unknown = 0.0, 0
        for layer in vectors:
            if np.isinf(layer).any():
                raise _bad("vectors_mm", "finite numbers, or NaN where not known", "infinite ones")
            lengths_mm = np.linalg.norm(layer.astype(np.float64), axis=-1)
            unknown += int(np.isnan(lengths_mm).sum())
            largest_mm = max(largest_mm, float(np.fmax.reduce(lengths_mm, axis=None, initial=0.0)))
        if unknown == vectors.size // 3:
            raise _bad("vectors_mm", "vectors that are known", "NaN alone")
        vectors.setflags(write=False)
        object.__setattr__(self, "vectors_mm", vectors)
        object.__setattr__(self, "largest_mm", largest_mm)
        object.__setattr__(self, "unknown", unknown)

    @property
    def counts(self) -> Ints:
        """How many vectors there are along the three axes, the fastest first."""
        return np.array(self.vectors_mm.shape[2::-1], dtype=np.intp)

    @property
    def box_xyz_mm(self) -> tuple[Floats, Floats]:
        """Low and high corner of a box along the axes of the patient that holds the grid."""
        ends = [(-reach, count - 1 + reach) for reach, count in zip(self._slack, self.counts, strict=True)]
        corners = self.points_xyz_mm(np.array(list(itertools.product(*ends))))
        return corners.min(axis=0), corners.max(axis=0)

    def points_xyz_mm(self, indices: npt.NDArray[Any]) -> Floats:
        """Where the vectors of indices (n, 3) along the three axes hold."""
        return np.asarray(self.origin_xyz_mm + (indices * self.resolution_mm) @ self.directions)

    def at(self, xyz_mm: Floats) -> Floats:
        """Displacements in mm at points (n, 3); NaN where there is no vector or one is not known."""
        found = np.empty(xyz_mm.shape)
        for part in slabs(len(xyz_mm)):
            places, inside = self._places(xyz_mm[part])
            lower, weights = self._cells(places, self.counts - 1)
            found[part] = _between(self._corners(lower, lower + (weights > 0)), weights)
            found[part][~inside | np.isnan(found[part]).any(axis=1)] = np.nan
        return found

    def slopes_at(self, xyz_mm: Floats) -> Floats:
        """By how much displacements grow per mm, d vector / d point, (n, 3, 3); NaN as in ``at``.

        Where it differs on both sides, it is that towards higher indices.
        """
        found = np.empty((*xyz_mm.shape, 3))
        for part in slabs(len(xyz_mm)):
            places, inside = self._places(xyz_mm[part])
            found[part] = self._with_slopes(places)[1] @ self._steps_per_mm.T
            found[part][~inside | np.isnan(found[part]).any(axis=(1, 2))] = np.nan
        return found

    def beyond(self, xyz_mm: Floats) -> tuple[Floats, Floats]:
        """Displacements and slopes as if the outermost vectors went on: a search may pass there."""
        places = (xyz_mm - self.origin_xyz_mm) @ self._steps_per_mm
        nearest = np.clip(places, 0, self.counts - 1)
        values, per_step = self._with_slopes(nearest)
        per_step[np.broadcast_to((places != nearest)[:, None, :], per_step.shape)] = 0.0
        return values, per_step @ self._steps_per_mm.T

    def range_mm(self, low_xyz_mm: Floats, high_xyz_mm: Floats) -> tuple[Floats, Floats] | None:
        """Least and largest x, y and z of displacements in a box; None where the box has none.

        What is interpolated lies between the vectors around it: this holds for all points of the box.
        """
        corners = np.array(list(itertools.product(*zip(low_xyz_mm, high_xyz_mm, strict=True))))
        places = (corners - self.origin_xyz_mm) @ self._steps_per_mm
        low_place, high_place = places.min(axis=0) - self._slack, places.max(axis=0) + self._slack
        if np.any(high_place < 0) or np.any(low_place > self.counts - 1):
            return None
        first = np.clip(np.floor(low_place), 0, self.counts - 1).astype(np.intp)
        last = np.clip(np.ceil(high_place), 0, self.counts - 1).astype(np.intp)
        i, j, k = (slice(a, b + 1) for a, b in zip(first.tolist(), last.tolist(), strict=True))
        least, most = np.full(3, np.inf), np.full(3, -np.inf)
        for layer in self.vectors_mm[k, j, i]:
            least = np.fmin(least, np.fmin.reduce(layer, axis=(0, 1)))
            most = np.fmax(most, np.fmax.reduce(layer, axis=(0, 1)))
        return (least, most) if np.all(least <= most) else None

    @property
    def _slack(self) -> Floats:
        """How far beyond its outermost vectors the grid reaches, in steps."""
        return np.asarray(np.where(self.counts == 1, 0.5, 0.0) + _ON_EDGE_MM / self.resolution_mm)

    def _places(self, xyz_mm: Floats) -> tuple[Floats, Bools]:
        """Points in steps along the axes from the first vector on, and whether they are on the grid."""
        places = (xyz_mm - self.origin_xyz_mm) @ self._steps_per_mm
        inside = np.all((places >= -self._slack) & (places <= self.counts - 1 + self._slack), axis=1)
        return np.where(inside[:, None], places, 0.0), inside

    def _cells(self, places: Floats, last: Ints) -> tuple[Ints, Floats]:
        """Lower neighbours (n, 3) along the three axes, at most ``last``, and weights of the upper ones."""
        places = np.clip(places, 0, self.counts - 1)
        nearest = np.rint(places)
        places = np.where(np.abs(places - nearest) < _ON_VECTOR, nearest, places)
        lower = np.minimum(np.floor(places), last)
        return lower.astype(np.intp), places - lower

    def _corners(self, lower: Ints, upper: Ints) -> list[Floats]:
        """The eight vectors around each point, the first axis fastest."""
        n0, n1, _ = self.counts.tolist()
        first, second, third = zip(lower.T, upper.T, strict=True)
        corners = []
        for k, j, i in itertools.product(third, second, first):
            if self.vectors_mm.flags.c_contiguous:
                taken = self.vectors_mm.reshape(-1, 3).take((k * n1 + j) * n0 + i, axis=0)
            else:
                taken = self.vectors_mm[k, j, i]
            corners.append(taken.astype(np.float64))
        return corners

    def _with_slopes(self, places: Floats) -> tuple[Floats, Floats]:
        """Displacements (n, 3) and their slopes per step (n, 3, 3) at places on the grid."""
        # A slope at the last vector is that of the cell before it.
        lower, weights = self._cells(places, np.maximum(self.counts - 2, 0))
        c = self._corners(lower, np.minimum(lower + 1, self.counts - 1))
        slopes = []
        for axis, pairs in enumerate(([0, 2, 4, 6], [0, 1, 4, 5], [0, 1, 2, 3])):
            steps = [c[n + (1 << axis)] - c[n] for n in pairs]
            slopes.append(_between(steps, np.delete(weights, axis, axis=1)))
        return _between(c, weights), np.stack(slopes, axis=-1)


def slabs(count: int) -> Iterator[slice]:
    """Parts of so many points."""
    return (slice(start, min(start + _SLAB, count)) for start in range(0, count, _SLAB))


def determinant(a: Floats, b: Floats, c: Floats) -> Floats:
    """Of matrices whose rows or columns are three arrays of shape (..., 3); NaN where one is, quietly."""
    return np.asarray(
        a[..., 0] * (b[..., 1] * c[..., 2] - b[..., 2] * c[..., 1])
        + a[..., 1] * (b[..., 2] * c[..., 0] - b[..., 0] * c[..., 2])
        + a[..., 2] * (b[..., 0] * c[..., 1] - b[..., 1] * c[..., 0])
    )


def _between(corners: list[Floats], weights: Floats) -> Floats:
    """Linear along one axis after the other: pairs of corners, then pairs of what came out."""
    for axis in range(weights.shape[1]):
        weight = weights[:, axis, None]
        corners = [low + weight * (high - low) for low, high in zip(corners[::2], corners[1::2], strict=True)]
    return corners[0]


def _bad(name: str, expected: str, found: object) -> FrameError:
    shown = " ".join(str(found).split())
    return FrameError(f"displacement grid: {name}: expected {expected}, found {shown}")
