"""Where a deformation took a point from: found by iteration, one point independent of the others."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from dosecalc.transforms.vectors import Floats, VectorGrid, determinant, slabs

_RESIDUAL_MM = 1e-7
"""A point found is mapped this close to where it should be; tests ask for 1e-4."""
_MOST_STEPS = 60
"""Newton's method takes 3 to 8; the rest is for points that it nears in small steps."""
_FLATTEST = 1e-3
"""A slope whose determinant is a smaller part of that without displacements gives no direction."""
_SHORTEST = 1e-6
"""A step halved to less than this part gets no nearer."""
_MOST_SEEDS = 20_000
"""So many vectors are tried as places to start from."""


def points_mapped_to(targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid) -> Floats:
    """Points ``x`` with ``linear @ x + displacement(x) = target``, (n, 3).

    NaN where there is none on the grid, where none is found, and where the map is folded, so that it
    cannot be told which of several it is.
    """
    found = np.full(targets_xyz_mm.shape, np.nan)
    possible = np.flatnonzero(_within_reach(targets_xyz_mm, linear, grid))
    for part in slabs(len(possible)):
        some = possible[part]
        wanted = targets_xyz_mm[some]
        undisplaced = wanted @ np.linalg.inv(linear).T
        found[some] = _refined(undisplaced, wanted, linear, grid)
        left = some[np.isnan(found[some, 0])]
        if len(left):
            wanted = targets_xyz_mm[left]
            found[left] = _refined(_starts(wanted, linear, grid), wanted, linear, grid)
    return found


def _within_reach(targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid) -> npt.NDArray[np.bool_]:
    """Whether a target lies in the box that holds whatever the grid maps to."""
    low, high = grid.box_xyz_mm
    known = grid.range_mm(low, high)
    if known is None:
        return np.zeros(len(targets_xyz_mm), dtype=np.bool_)
    corners = np.array(list(itertools.product(*zip(low, high, strict=True)))) @ linear.T
    low, high = corners.min(axis=0) + known[0], corners.max(axis=0) + known[1]
    return np.asarray(np.all((targets_xyz_mm >= low) & (targets_xyz_mm <= high), axis=1))


def _starts(targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid) -> Floats:
    """For each target the point of a vector that is mapped nearest to it."""
    from scipy.spatial import cKDTree  # noqa: PLC0415 - slow to import, seldom needed

    stride = int(np.ceil((grid.vectors_mm.size / 3 / _MOST_SEEDS) ** (1 / 3)))
    i, j, k = (np.arange(0, count, stride) for count in grid.counts)
    indices = np.stack(np.meshgrid(i, j, k, indexing="ij"), axis=-1).reshape(-1, 3)
    points = grid.points_xyz_mm(indices)
    vectors, _ = grid.beyond(points)
    known = ~np.isnan(vectors).any(axis=1)
    if not known.any():
        return np.full(targets_xyz_mm.shape, np.nan)
    _, nearest = cKDTree(points[known] @ linear.T + vectors[known]).query(targets_xyz_mm)
    return np.asarray(points[known][nearest])


def _refined(starts_xyz_mm: Floats, targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid) -> Floats:
    """Newton's method, each step halved until it gets nearer; NaN where it does not arrive."""
    xyz_mm = starts_xyz_mm.copy()
    missed, slopes = _missed(xyz_mm, targets_xyz_mm, linear, grid)
    length = np.ones(len(xyz_mm))
    going = np.flatnonzero(np.linalg.norm(missed, axis=1) > _RESIDUAL_MM)
    for _ in range(_MOST_STEPS):
        if not len(going):
            break
        tried = xyz_mm[going] - length[going, None] * _newton(missed[going], slopes[going], linear)
        still_missed, there = _missed(tried, targets_xyz_mm[going], linear, grid)
        nearer = np.linalg.norm(still_missed, axis=1) < np.linalg.norm(missed[going], axis=1)
        length[going] = np.where(nearer, np.minimum(2 * length[going], 1.0), length[going] / 2)
        better = going[nearer]
        xyz_mm[better], missed[better], slopes[better] = tried[nearer], still_missed[nearer], there[nearer]
        open_still = (np.linalg.norm(missed[going], axis=1) > _RESIDUAL_MM) & (length[going] > _SHORTEST)
        going = going[open_still]
    return np.where(_arrived(xyz_mm, targets_xyz_mm, linear, grid)[:, None], xyz_mm, np.nan)


def _missed(
    xyz_mm: Floats, targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid
) -> tuple[Floats, Floats]:
    """By how much the images of points miss their targets, and how that grows with the points."""
    vectors, slopes = grid.beyond(xyz_mm)
    return xyz_mm @ linear.T + vectors - targets_xyz_mm, linear + slopes


def _newton(missed_xyz_mm: Floats, slopes: Floats, linear: Floats) -> Floats:
    """The step that would undo what is missed, were the slope the same all the way (Cramer's rule)."""
    x, y, z = np.moveaxis(slopes, -1, 0)
    flat = np.abs(determinant(x, y, z)) < _FLATTEST * abs(float(np.linalg.det(linear)))
    x, y, z = (
        np.where(flat[:, None], plain, column) for plain, column in zip(linear.T, (x, y, z), strict=True)
    )
    parts = [
        determinant(*columns)
        for columns in ((missed_xyz_mm, y, z), (x, missed_xyz_mm, z), (x, y, missed_xyz_mm))
    ]
    return np.asarray(np.stack(parts, axis=1) / determinant(x, y, z)[:, None])


def _arrived(
    xyz_mm: Floats, targets_xyz_mm: Floats, linear: Floats, grid: VectorGrid
) -> npt.NDArray[np.bool_]:
    """Whether points on the grid are mapped to their targets, with no fold there."""
    missed = xyz_mm @ linear.T + grid.at(xyz_mm) - targets_xyz_mm
    grows = determinant(*np.moveaxis(linear + grid.slopes_at(xyz_mm), -1, 0)) * np.linalg.det(linear)
    return np.asarray((np.linalg.norm(missed, axis=1) <= 2 * _RESIDUAL_MM) & (grows > 0))
