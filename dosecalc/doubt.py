"""What a structure's doses would be under other assumptions: the numerical doubt of a metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dosecalc.sampling import Quadrature
from dosecalc.solids import EndCap
from dosecalc.spreads import Variant, spread

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

FLAT, ROUND = 1.0, 0.5
"""By how much an end cap may be shorter or longer: a flat one may be missing or twice as long, since the
structure may end anywhere between its last plane and the next; a rounded one may be wrong by half."""


def span_of(change_gy: Floats) -> Floats:
    """The range of an even spread that has the variance of a dose with changes (3, n) along three axes."""
    return np.asarray(np.sqrt(np.einsum("an,an->n", change_gy, change_gy)))


def variants(quadrature: Quadrature, dose_gy: Floats, change_gy: Floats) -> Iterator[Variant]:
    """Cells with doses (n,) that change by (3, n) across them, with other end caps and with half the cells.

    A longer cap takes the dose on as it changes along z within it.
    """
    volume = quadrature.weights_cm3()
    for number, cap in enumerate(quadrature.body.caps if quadrature.body is not None else ()):
        cells, beyond_mm, height_mm = _beyond(quadrature, cap)
        if not len(cells):
            continue
        part = FLAT if cap.flat else ROUND
        dose, change, held = dose_gy[cells], change_gy[:, cells], volume[cells]
        further = np.maximum(dose + change[2] / height_mm * beyond_mm * part, 0.0)
        longer = change * np.array([[1.0], [1.0], [1 + part]])
        about = f"end cap {number}"
        yield Variant(about=about, replaced=cells, by=spread(dose, span_of(change), held * (1 - part)))
        yield Variant(about=about, replaced=cells, by=spread(further, span_of(longer), held * (1 + part)))
    whole = volume.sum()
    nothing = spread(*np.zeros((3, 0)))
    for start in (0, 1):
        kept = volume[start::2].sum()
        if kept > 0:
            left_out = np.arange(1 - start, len(volume), 2)
            yield Variant(about="sampling", replaced=left_out, by=nothing, scale=whole / kept)


def _beyond(quadrature: Quadrature, cap: EndCap) -> tuple[Ints, Floats, Floats]:
    """The cells of a cap, how far each lies beyond the plane that it begins at, and its own height."""
    low, high = sorted((cap.plane_mm, cap.end_mm))
    cells, beyonds, heights = [], [], []
    before = 0
    for block in quadrature.blocks:
        z_mm = block.lattice.z_mm
        within = (z_mm > low) & (z_mm < high)
        if within.any():
            layer = block.held // (block.lattice.x_mm.size * block.lattice.y_mm.size)
            here = np.flatnonzero(within[layer])
            cells.append(before + here)
            beyonds.append(z_mm[layer[here]] - cap.plane_mm)
            heights.append(block.height_mm[layer[here]])
        before += len(block.held)
    none = np.zeros(0)
    places = np.concatenate([none, *cells]).astype(np.intp)
    return places, np.concatenate([none, *beyonds]), np.concatenate([none, *heights])
