"""How much longer sums take where the doses lie on another image: both sides in one process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dosecalc import (
    Affine,
    DosecalcError,
    Eqd2,
    Frames,
    Ledger,
    Registration,
    accumulate,
    read_dose,
    read_structures,
)
from dosecalc.doses import DoseGrid

OTHER_FRAME = "1.2.826.0.1.99"
FRACTIONS = (30, 5)
REGISTERED_BAR = 2.0
"""In times of the same sums with all doses in the frame of the structures."""


def turned(degrees: float, shift_xyz_mm: Sequence[float]) -> Affine:
    """A turn about an axis that is none of the image's, and a shift."""
    axis = np.array([1.0, 2.0, 3.0]) / np.sqrt(14)
    cross = np.cross(np.eye(3), axis)
    angle = np.radians(degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    matrix[:3, 3] = shift_xyz_mm
    return Affine(matrix=matrix)


def ratio(folder: Path, *, runs: int) -> tuple[float, float]:
    """Seconds of the sums in one frame, and of the same registered: the best of so many runs of each."""
    structures = [s for s in read_structures(folder / "RS.dcm") if s.contours]
    doses = [read_dose(folder / f"RD_{number}.dcm") for number in (1, 2)]
    moved = [replace(dose, frame_uid=OTHER_FRAME) for dose in doses]
    link = Registration(
        from_uid=structures[0].frame_uid, to_uid=OTHER_FRAME, transform=turned(2.0, (1.0, -2.0, 3.0))
    )

    def seconds(grids: Sequence[DoseGrid], frames: Frames) -> float:
        ledger = Ledger.from_doses(list(zip(grids, FRACTIONS, strict=True)))
        start = time.perf_counter()
        for structure in structures:
            try:
                accumulate(ledger, structure, Eqd2(alpha_beta_gy=3.0), frames=frames)
            except DosecalcError:
                continue  # contours that bound no volume cost the same on both sides
        return time.perf_counter() - start

    plain, registered = [], []
    for _ in range(runs):
        plain.append(seconds(doses, Frames()))
        registered.append(seconds(moved, Frames(registrations=(link,))))
    return min(plain), min(registered)


def report(folder: Path, *, runs: int) -> str:
    """What was measured, beside the bar."""
    plain, registered = ratio(folder, runs=runs)
    return (
        f"sums of two doses in one frame {plain:.2f} s, registered {registered:.2f} s: "
        f"{registered / plain:.2f} times (at most {REGISTERED_BAR:g} asked)"
    )
