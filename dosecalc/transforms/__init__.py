"""Maps of points from one frame of reference to another, in mm of the patient system (LPS)."""

from dosecalc.transforms.folding import folds
from dosecalc.transforms.maps import (
    IDENTITY,
    Affine,
    Chain,
    Deformation,
    Inverse,
    Transform,
    apply,
    bounds,
    chained,
    jacobian,
    same,
)
from dosecalc.transforms.vectors import VectorGrid
from dosecalc.transforms.wording import describe, is_orthonormal, is_rigid, scaling_factors, unrigid

__all__ = [
    "IDENTITY",
    "Affine",
    "Chain",
    "Deformation",
    "Inverse",
    "Transform",
    "VectorGrid",
    "apply",
    "bounds",
    "chained",
    "describe",
    "folds",
    "is_orthonormal",
    "is_rigid",
    "jacobian",
    "same",
    "scaling_factors",
    "unrigid",
]
