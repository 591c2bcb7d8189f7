"""Maps of points: by matrices, by displacements, one after another, and backwards."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from dosecalc.errors import FrameError
from dosecalc.transforms.inversion import points_mapped_to
from dosecalc.transforms.vectors import Floats, VectorGrid, determinant

_LAST_ROW = 1e-9
_SINGULAR = 1e-9
_SAME = np.array([1e-6, 1e-6, 1e-6, 1e-3])
"""Matrices equal to this, the last column in mm, are one: files round to so much, and so do inverses."""
_NARROWED = 3
"""So often the box that points may come from is narrowed down."""
_NOWHERE = np.full(3, np.inf), np.full(3, -np.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affine:
    """``x -> M x``, a 4x4 homogeneous matrix that may turn, shift, scale and shear.

    Raises
    ------
    FrameError : if the matrix is not finite, not 4x4, not affine or cannot be inverted.

    Examples
    --------
    >>> quarter = Affine(matrix=[[0, -1, 0, 10], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> apply(quarter, np.array([[1.0, 2.0, 3.0]])).tolist()
    [[8.0, 1.0, 3.0]]
    """

    matrix: Floats

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise FrameError(f"registration matrix: expected 4x4 finite numbers, found {matrix}")
        if not np.allclose(matrix[3], (0, 0, 0, 1), atol=_LAST_ROW):
            raise FrameError(f"registration matrix: expected last row 0 0 0 1, found {matrix[3]}")
        if abs(np.linalg.det(matrix[:3, :3])) < _SINGULAR:
            raise FrameError("registration matrix: expected one that can be inverted, found singular")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    @property
    def linear(self) -> Floats:
        """What turns, scales and shears, (3, 3)."""
        return self.matrix[:3, :3]

    @property
    def shift_xyz_mm(self) -> Floats:
        """Where the origin goes to."""
        return self.matrix[:3, 3]

    def inverse(self) -> Affine:
        return Affine(matrix=np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))


UNMOVED = Affine(matrix=np.eye(4))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deformation:
    """``x -> post (pre x + displacement(x))``, as a DICOM Deformable Spatial Registration has it.

    The grid lies in the frame that is mapped from, and displacements are looked up at ``x`` itself: PS3.3
    C.20.3.1.1 moves the place of each vector by ``pre``, adds the vector, and moves the sum by ``post``.
    Where there is no vector, or one is not known, the image is NaN: not known, never the point itself.

    Examples
    --------
    >>> vectors = np.full((2, 2, 2, 3), 2.0, dtype=np.float32)
    >>> grid = VectorGrid(origin_xyz_mm=[0, 0, 0], resolution_mm=[5, 5, 5], vectors_mm=vectors)
    >>> moved = Deformation(grid=grid)
    >>> apply(moved, np.array([[1.0, 2.0, 3.0], [6.0, 2.0, 3.0]])).tolist()
    [[3.0, 4.0, 5.0], [nan, nan, nan]]
    >>> apply(moved.inverse(), np.array([[3.0, 4.0, 5.0]])).round(6).tolist()
    [[1.0, 2.0, 3.0]]
    """

    grid: VectorGrid
    pre: Affine = UNMOVED
    post: Affine = UNMOVED

    def inverse(self) -> Inverse:
        return Inverse(of=self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inverse:
    """A deformation backwards, by iteration: ``apply`` gives points that it maps to within 1e-6 mm.

    NaN where no point of its grid is mapped to, where none is found, and where the deformation is folded.
    """

    of: Deformation

    def inverse(self) -> Deformation:
        return self.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Transforms applied one after another, first part first; no part is the identity."""

    parts: tuple[Transform, ...] = ()

    def inverse(self) -> Chain:
        return Chain(parts=tuple(part.inverse() for part in reversed(self.parts)))


Transform = Affine | Deformation | Inverse | Chain
IDENTITY = Chain()


def apply(transform: Transform, xyz_mm: Floats) -> Floats:
    """Map points of shape (..., 3); a point whose image is not known comes back as NaN.

    Examples
    --------
    >>> shift = Affine(matrix=np.array([[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1.0]]))
    >>> apply(Chain(parts=(shift, shift)), np.zeros((1, 3))).tolist()
    [[10.0, 0.0, -4.0]]
    """
    match transform:
        case Affine(linear=linear, shift_xyz_mm=shift_xyz_mm):
            return _affine(linear, shift_xyz_mm, xyz_mm)
        case Deformation(pre=pre, grid=grid, post=post):
            moved = apply(pre, xyz_mm) + grid.at(xyz_mm.reshape(-1, 3)).reshape(xyz_mm.shape)
            return apply(post, moved)
        case Inverse(of=deformation):
            pre = deformation.pre
            targets = apply(deformation.post.inverse(), xyz_mm) - pre.shift_xyz_mm
            found = points_mapped_to(targets.reshape(-1, 3), pre.linear, deformation.grid)
            return found.reshape(xyz_mm.shape)
        case Chain(parts=parts):
            return functools.reduce(lambda points, part: apply(part, points), parts, xyz_mm)
        case _:
            assert_never(transform)


def _affine(linear: Floats, shift_xyz_mm: Floats, xyz_mm: Floats) -> Floats:
    """``M x + t``, coordinate by coordinate: products of such thin matrices are slower by far."""
    moved = np.empty(xyz_mm.shape)
    x, y, z = xyz_mm[..., 0], xyz_mm[..., 1], xyz_mm[..., 2]
    for axis, (along_x, along_y, along_z) in enumerate(linear):
        moved[..., axis] = along_x * x + along_y * y + along_z * z + shift_xyz_mm[axis]
    return moved


def jacobian(transform: Transform, xyz_mm: Floats) -> Floats:
    """By what factor volumes grow around points (n, 3), shape (n,): the determinant of the slope.

    Of deformations it is that of the linear interpolation between vectors: where it is 0 or less the map
    is folded, and tissue lies upon itself. NaN where the image of a point is not known.

    Examples
    --------
    >>> double = Affine(matrix=np.diag([2.0, 2.0, 2.0, 1.0]))
    >>> jacobian(Chain(parts=(double, double.inverse(), double)), np.zeros((1, 3))).round(6).tolist()
    [8.0]
    """
    match transform:
        case Affine(linear=linear):
            known = np.isfinite(xyz_mm[:, 0] + xyz_mm[:, 1] + xyz_mm[:, 2])
            return np.where(known, np.linalg.det(linear), np.nan)
        case Deformation(pre=pre, grid=grid, post=post):
            slopes = pre.linear + grid.slopes_at(xyz_mm)
            return np.asarray(determinant(*np.moveaxis(slopes, -1, 0)) * np.linalg.det(post.linear))
        case Inverse(of=deformation):
            return np.asarray(1 / jacobian(deformation, apply(transform, xyz_mm)))
        case Chain(parts=parts):
            factor = np.ones(len(xyz_mm))
            for part in parts:
                factor = factor * jacobian(part, xyz_mm)
                xyz_mm = apply(part, xyz_mm)
            return factor
        case _:
            assert_never(transform)


def chained(transforms: Iterable[Transform]) -> Transform:
    """Transforms one after another as one: matrices that follow each other are multiplied.

    Examples
    --------
    >>> shift = Affine(matrix=np.array([[1, 0, 0, 5], [0, 1, 0, 0], [0, 0, 1, -2], [0, 0, 0, 1.0]]))
    >>> chained([shift, Chain(parts=(shift,))]).shift_xyz_mm.tolist()
    [10.0, 0.0, -4.0]
    >>> chained([]) == IDENTITY
    True
    """
    parts: list[Transform] = []
    for part in _flat(transforms):
        last = parts[-1] if parts else None
        if isinstance(part, Affine) and isinstance(last, Affine):
            parts[-1] = Affine(matrix=part.matrix @ last.matrix)
        else:
            parts.append(part)
    return parts[0] if len(parts) == 1 else Chain(parts=tuple(parts))


def _flat(transforms: Iterable[Transform]) -> Iterator[Transform]:
    for transform in transforms:
        if isinstance(transform, Chain):
            yield from _flat(transform.parts)
        else:
            yield transform


def same(first: Transform, second: Transform) -> bool:
    """Whether two transforms are equal in content: matrices to 1e-6 and 1e-3 mm, displacements exactly.

    Examples
    --------
    >>> turn = Affine(matrix=[[0, -1, 0, 10], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> same(turn, Chain(parts=(turn.inverse().inverse(),))), same(turn, turn.inverse())
    (True, False)
    """
    one, other = (tuple(_flat([chained([transform])])) for transform in (first, second))
    return len(one) == len(other) and all(itertools.starmap(_same_part, zip(one, other, strict=True)))


def _same_part(first: Transform, second: Transform) -> bool:
    match first, second:
        case _ if first is second:
            return True
        case Affine(matrix=one), Affine(matrix=other):
            return bool(np.all(np.abs(one - other) <= _SAME))
        case Deformation(), Deformation():
            return (
                _same_part(first.pre, second.pre)
                and _same_part(first.post, second.post)
                and all(
                    np.array_equal(getattr(first.grid, name), getattr(second.grid, name), equal_nan=True)
                    for name in ("origin_xyz_mm", "resolution_mm", "directions", "vectors_mm")
                )
            )
        case Inverse(), Inverse():
            return _same_part(first.of, second.of)
    return False


def bounds(transform: Transform, low_xyz_mm: Floats, high_xyz_mm: Floats) -> tuple[Floats, Floats]:
    """A box that holds the images of all points of a box, and may be larger than they need.

    Where no image is known its low corner lies above its high one.

    Examples
    --------
    >>> quarter = Affine(matrix=[[0, -1, 0, 10], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    >>> [corner.tolist() for corner in bounds(quarter, np.zeros(3), np.array([1.0, 2.0, 3.0]))]
    [[8.0, 0.0, 0.0], [10.0, 1.0, 3.0]]
    """
    match transform:
        case _ if np.any(low_xyz_mm > high_xyz_mm):
            return low_xyz_mm, high_xyz_mm
        case Affine():
            corners = np.array(list(itertools.product(*zip(low_xyz_mm, high_xyz_mm, strict=True))))
            there = apply(transform, corners)
            return there.min(axis=0), there.max(axis=0)
        case Deformation(pre=pre, grid=grid, post=post):
            known = grid.range_mm(low_xyz_mm, high_xyz_mm)
            if known is None:
                return _NOWHERE
            low, high = bounds(pre, low_xyz_mm, high_xyz_mm)
            return bounds(post, low + known[0], high + known[1])
        case Inverse(of=deformation):
            return _bounds_backwards(deformation, low_xyz_mm, high_xyz_mm)
        case Chain(parts=parts):
            for part in parts:
                low_xyz_mm, high_xyz_mm = bounds(part, low_xyz_mm, high_xyz_mm)
            return low_xyz_mm, high_xyz_mm
        case _:
            assert_never(transform)


def _bounds_backwards(deformation: Deformation, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Where points may come from: at first by all displacements of the grid, then by those found there."""
    low, high = bounds(deformation.post.inverse(), low, high)
    back, grid = deformation.pre.inverse(), deformation.grid
    here = grid.box_xyz_mm
    for _ in range(_NARROWED):
        known = grid.range_mm(*here)
        if known is None:
            return _NOWHERE
        there = bounds(back, low - known[1], high - known[0])
        here = np.maximum(here[0], there[0]), np.minimum(here[1], there[1])
        if np.any(here[0] > here[1]):
            return _NOWHERE
    return here
