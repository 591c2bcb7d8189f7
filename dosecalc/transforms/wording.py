"""What a transform is, in words: rigid, scaled, sheared, mirrored or deformable."""

from __future__ import annotations

import numpy as np

from dosecalc.transforms.folding import folds
from dosecalc.transforms.maps import UNMOVED, Affine, Chain, Deformation, Inverse, Transform, chained, same
from dosecalc.transforms.vectors import Floats

RIGID_TOLERANCE = 1e-3
"""How far products of columns may lie off 0 and 1 for a rotation: a matrix of four decimals is off by 2e-4,
and this much lengthens 500 mm by 0.25 mm."""


def is_orthonormal(linear: Floats) -> bool:
    """Whether a matrix (3, 3) keeps lengths and angles; it may mirror.

    Examples
    --------
    >>> is_orthonormal(np.diag([1.0, -1.0, 1.0])), is_orthonormal(np.diag([1.0, 1.01, 1.0]))
    (True, False)
    """
    return bool(np.abs(linear.T @ linear - np.eye(3)).max() <= RIGID_TOLERANCE)


def scaling_factors(linear: Floats) -> tuple[float, float, float] | None:
    """Factors along three axes at right angles, before or after a rotation; None where there is shear.

    Examples
    --------
    >>> scaling_factors(np.diag([1.0, 1.02, 2.0]))
    (1.0, 1.02, 2.0)
    """
    for columns in (linear, linear.T):
        lengths = np.linalg.norm(columns, axis=0)
        if is_orthonormal(columns / lengths):
            x, y, z = lengths.tolist()
            return x, y, z
    return None


def is_rigid(transform: Transform) -> bool:
    """Whether a transform only turns and shifts; never so for one with displacements.

    Examples
    --------
    >>> is_rigid(UNMOVED), is_rigid(Affine(matrix=np.diag([-1.0, 1, 1, 1])))
    (True, False)
    """
    return all(
        isinstance(part, Affine) and is_orthonormal(part.linear) and np.linalg.det(part.linear) > 0
        for part in _parts(transform)
    )


def describe(transform: Transform) -> str:
    """A transform in words, with its numbers.

    Examples
    --------
    >>> quarter = Affine(matrix=[[0, -1, 0, 10], [1, 0, 0, 0], [0, 0, 1, -2.5], [0, 0, 0, 1]])
    >>> describe(quarter)
    'rigid: turned by 90.00 degrees, shifted by (10.0, 0.0, -2.5) mm'
    >>> describe(Affine(matrix=np.diag([1.02, 1, 0.98, 1])))
    'scaled by 1.0200, 1.0000 and 0.9800, turned by 0.00 degrees, shifted by (0.0, 0.0, 0.0) mm'
    """
    return ", then ".join(_part_in_words(part) for part in _parts(transform)) or "the identity"


def unrigid(transform: Transform) -> tuple[str, ...]:
    """In words why a transform is not rigid, one text for each reason; none where it is.

    Examples
    --------
    >>> unrigid(Affine(matrix=np.diag([-1.02, 1, 1, 1])))
    ('mirrored (determinant -1.0200)', 'scaled by 1.0200, 1.0000 and 1.0000')
    """
    found: list[str] = []
    for part in _parts(transform):
        if isinstance(part, Affine):
            found += _unrigid_matrix(part.linear)
        else:
            found.append(_part_in_words(part))
            deformation = part.of if isinstance(part, Inverse) else part
            for place, matrix in (("before", deformation.pre), ("after", deformation.post)):
                found += [f"{text} {place} its displacements" for text in _unrigid_matrix(matrix.linear)]
            if folded := folds(deformation):
                found.append(f"folded in {folded} of its cells: tissue lies upon itself there")
    return tuple(found)


def _parts(transform: Transform) -> tuple[Affine | Deformation | Inverse, ...]:
    whole = chained([transform])
    parts = whole.parts if isinstance(whole, Chain) else (whole,)
    return tuple(part for part in parts if not isinstance(part, Chain))


def _unrigid_matrix(linear: Floats) -> list[str]:
    found = []
    det = float(np.linalg.det(linear))
    if det < 0:
        found.append(f"mirrored (determinant {det:.4f})")
    if is_orthonormal(linear):
        return found
    if (factors := scaling_factors(linear)) is not None:
        return [*found, _scaled(factors)]
    return [*found, f"sheared (volumes times {abs(det):.4f})"]


def _scaled(factors: tuple[float, float, float]) -> str:
    return "scaled by {:.4f}, {:.4f} and {:.4f}".format(*factors)


def _part_in_words(part: Affine | Deformation | Inverse) -> str:
    match part:
        case Affine():
            return _matrix_in_words(part)
        case Inverse(of=deformation):
            return f"backwards {_part_in_words(deformation)}"
        case Deformation(grid=grid, pre=pre, post=post):
            counts = " x ".join(str(count) for count in grid.counts)
            apart = " x ".join(f"{step:g}" for step in grid.resolution_mm)
            around = [
                f"{place} them {_matrix_in_words(matrix)}"
                for place, matrix in (("before", pre), ("after", post))
                if not same(matrix, UNMOVED)
            ]
            unknown = f"{grid.unknown} of {grid.counts.prod()} not known"
            of_grid = f"{counts} vectors {apart} mm apart, the longest {grid.largest_mm:.1f} mm, {unknown}"
            return "deformable: " + "; ".join([of_grid, *around])


def _matrix_in_words(affine: Affine) -> str:
    linear = affine.linear
    kind = _unrigid_matrix(linear) or ["rigid:"]
    turn = scaling_factors(linear)
    words = [", ".join(kind)]
    if turn is not None and np.linalg.det(linear) > 0:
        by_columns = linear / np.linalg.norm(linear, axis=0)
        by_rows = (linear.T / np.linalg.norm(linear, axis=1)).T
        rotation = by_columns if is_orthonormal(by_columns) else by_rows
        words.append(f"turned by {_degrees(rotation):.2f} degrees")
    x, y, z = affine.shift_xyz_mm + 0.0
    words.append(f"shifted by ({x:.1f}, {y:.1f}, {z:.1f}) mm")
    return ", ".join(words).replace("rigid:,", "rigid:")


def _degrees(rotation: Floats) -> float:
    """By how much a rotation turns, exact for small angles too: |R - 1|^2 = 8 sin^2(angle / 2)."""
    half = np.linalg.norm(rotation - np.eye(3)) / np.sqrt(8)
    return float(np.degrees(2 * np.arcsin(min(half, 1.0))))
