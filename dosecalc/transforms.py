"""Maps of points from one frame of reference to another, in mm of the patient system (LPS)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import numpy.typing as npt

from dosecalc.errors import FrameError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Affine:
    """``x -> M x``, a 4x4 homogeneous matrix that may turn, shift, scale and shear.

    Raises
    ------
    FrameError : if the matrix is not finite, not 4x4, not affine or cannot be inverted.
    """

    matrix: Floats

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise FrameError(f"registration matrix: expected 4x4 finite numbers, found {matrix}")
        if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-9):
            raise FrameError(f"registration matrix: expected last row 0 0 0 1, found {matrix[3]}")
        if abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
            raise FrameError("registration matrix: expected one that can be inverted, found singular")
        matrix.setflags(write=False)
        object.__setattr__(self, "matrix", matrix)

    def inverse(self) -> Affine:
        return Affine(matrix=np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Transforms applied one after another, first part first; no part is the identity."""

    parts: tuple[Affine, ...] = ()

    def inverse(self) -> Chain:
        return Chain(parts=tuple(part.inverse() for part in reversed(self.parts)))


Transform = Affine | Chain
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
        case Affine(matrix=matrix):
            return np.asarray(xyz_mm @ matrix[:3, :3].T + matrix[:3, 3])
        case Chain(parts=parts):
            for part in parts:
                xyz_mm = apply(part, xyz_mm)
            return xyz_mm
        case _:
            assert_never(transform)
