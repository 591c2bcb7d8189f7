"""Where a deformation is folded, so that tissue lies upon itself."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.transforms.maps import Deformation
from dosecalc.transforms.vectors import Floats, determinant

_Vectors = npt.NDArray[np.floating[Any]]


def folds(deformation: Deformation) -> int:
    """In how many cells of its grid a deformation is folded.

    A cell counts where the determinant of the slope, at one of its corners or in its middle, is 0 or of
    the other sign than without displacements. A cell with a vector that is not known does not.

    Examples
    --------
    >>> from dosecalc.transforms.vectors import VectorGrid
    >>> vectors = np.zeros((2, 2, 3, 3))
    >>> vectors[:, :, 1, 0] = 7  # the middle one of three planes passes beyond the last
    >>> grid = VectorGrid(origin_xyz_mm=[0, 0, 0], resolution_mm=[5, 5, 5], vectors_mm=vectors)
    >>> folds(Deformation(grid=grid))
    1
    """
    grid = deformation.grid
    # Images of a step along each axis of the grid, without displacements: the columns of a slope.
    plain = (deformation.pre.linear @ (grid.directions * grid.resolution_mm[:, None]).T).T
    handed = np.sign(np.linalg.det(plain))
    layers = grid.vectors_mm if len(grid.vectors_mm) > 1 else np.repeat(grid.vectors_mm, 2, axis=0)
    return sum(
        int(_folded(np.stack([_wide(low), _wide(high)]), plain, handed).sum())
        for low, high in itertools.pairwise(layers)
    )


def _wide(layer: _Vectors) -> Floats:
    """A layer in which every axis has two vectors or more: where there is one, it holds on."""
    for axis in (0, 1):
        if layer.shape[axis] == 1:
            layer = np.repeat(layer, 2, axis=axis)
    return layer.astype(np.float64)


def _folded(pair: Floats, plain: Floats, handed: float) -> npt.NDArray[np.bool_]:
    """Which cells between two layers are folded."""
    steps = [np.diff(pair, axis=axis) for axis in (2, 1, 0)]
    if _safe(steps, plain):
        return np.zeros(steps[0].shape[1:2], dtype=np.bool_)
    # Each cell has four edges along an axis, by their sides on the two others.
    edges = [
        [
            plain[number] + part
            for part in _sides(steps[number], [axis for axis in (2, 1, 0) if axis != 2 - number])
        ]
        for number in range(3)
    ]
    middle = [np.mean(each, axis=0) for each in edges]
    found = handed * determinant(*middle) <= 0
    for x, y, z in itertools.product((0, 1), repeat=3):
        found |= handed * determinant(edges[0][y + 2 * z], edges[1][x + 2 * z], edges[2][x + 2 * y]) <= 0
    return np.asarray(found)


def _safe(steps: list[Floats], plain: Floats) -> bool:
    """Whether displacements grow so little that nothing can be folded: most layers are so."""
    straight = np.linalg.inv(plain)
    most = [np.fmax.reduce(np.square(part @ straight).sum(axis=-1), axis=None, initial=0) for part in steps]
    # A matrix with |M| < 1 leaves 1 + M with a positive determinant; a mean of steps is no longer than they.
    return bool(sum(most) < 1)


def _sides(steps: Floats, axes: list[int]) -> list[Floats]:
    """Parts of an array on the lower and the upper side of two axes, the first axis fastest."""
    first, second = axes
    found = []
    for upper_second, upper_first in itertools.product((0, 1), repeat=2):
        part = [slice(None)] * 4
        for axis, upper in ((first, upper_first), (second, upper_second)):
            part[axis] = slice(upper, steps.shape[axis] - 1 + upper)
        found.append(steps[tuple(part)])
    return found
