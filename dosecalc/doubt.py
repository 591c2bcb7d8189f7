"""What a structure's doses would be under other assumptions: the numerical doubt of a metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.sampling import Quadrature
from dosecalc.solids import EndCap

Floats = npt.NDArray[np.float64]

FLAT, ROUND = 1.0, 0.5
"""By how much an end cap may be shorter or longer: a flat one may be missing or twice as long, since the
structure may end anywhere between its last plane and the next; a rounded one may be wrong by half."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variant:
    """Cells under another assumption; of those about the same one, the furthest counts."""

    about: str
    dose_gy: Floats
    change_gy: Floats
    volume_cm3: Floats


def variants(quadrature: Quadrature, dose_gy: Floats, change_gy: Floats) -> Iterator[Variant]:
    """Doses (n,), their changes across cells (3, n) and volumes with other end caps and with half the cells.

    A longer cap takes the dose on as it changes along z within it.
    """
    volume = quadrature.weights_cm3()
    for number, cap in enumerate(quadrature.body.caps if quadrature.body is not None else ()):
        beyond_mm, height_mm = _beyond(quadrature, cap)
        within = beyond_mm != 0
        if not within.any():
            continue
        part = np.where(within, FLAT if cap.flat else ROUND, 0.0)
        about = f"end cap {number}"
        yield Variant(about=about, dose_gy=dose_gy, change_gy=change_gy, volume_cm3=volume * (1 - part))
        yield Variant(
            about=about,
            dose_gy=np.maximum(dose_gy + change_gy[2] / height_mm * beyond_mm * part, 0.0),
            change_gy=change_gy * np.stack([np.ones_like(part), np.ones_like(part), 1 + part]),
            volume_cm3=volume * (1 + part),
        )
    whole = volume.sum()
    for start in (0, 1):
        half = np.zeros_like(volume)
        half[start::2] = volume[start::2]
        kept = half.sum()
        if kept > 0:
            yield Variant(
                about="sampling", dose_gy=dose_gy, change_gy=change_gy, volume_cm3=half * (whole / kept)
            )


def _beyond(quadrature: Quadrature, cap: EndCap) -> tuple[Floats, Floats]:
    """For each cell how far it lies beyond the plane of a cap that holds it, else 0, and its own height."""
    low, high = sorted((cap.plane_mm, cap.end_mm))
    beyonds, heights = [], []
    for block in quadrature.blocks:
        z_mm = block.lattice.z_mm
        beyond = np.where((z_mm > low) & (z_mm < high), z_mm - cap.plane_mm, 0.0)
        layer = block.held // (block.lattice.x_mm.size * block.lattice.y_mm.size)
        beyonds.append(beyond[layer])
        heights.append(block.height_mm[layer])
    return np.concatenate(beyonds), np.concatenate(heights)
