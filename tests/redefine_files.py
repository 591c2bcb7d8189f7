"""Writes the compliant case of ``cases`` as DICOM files, so that the command line can be asked about it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import dicom_files as dicom
import numpy as np
import numpy.typing as npt
from cases import NUMBERS, PRESCRIBED, UIDS, Prescribed, gy_at, standard_structures
from pydicom.dataset import Dataset

Floats = npt.NDArray[np.float64]
Edit = Callable[[Dataset], None]

SHAPE = (25, 20, 46)
CENTRE_XYZ_MM = np.array(
    [
        dicom.POSITION_XYZ_MM[0] + 45.0,
        dicom.POSITION_XYZ_MM[1] + 24.0,
        dicom.POSITION_XYZ_MM[2] + 35.0,
    ]
)
CASE_TOML = """
format_version = 1

[courses.prior]
prescription_gy = "70"
fractions = 35
last_date = 2024-03-01

[courses.induction]
grouping = "one_session"
dates = [2026-03-02, 2026-03-03, 2026-03-04]

[courses.definitive]
first_date = 2026-03-30

[[events]]
kind = "recurrence"
date = 2026-02-10
"""
LABELS = {"low": "Low", "boost": "Boost", "definitive": "Definitive"}


def dose_uid(name: str) -> str:
    return f"{UIDS[name]}.2"


def _gy(xyz_mm: Floats, *, prescribed: Prescribed) -> Floats:
    target_gy = float(prescribed.total_gy) / prescribed.fractions
    one = gy_at(xyz_mm - CENTRE_XYZ_MM, target_gy=target_gy, organ_gy=prescribed.organ_gy)
    return one * prescribed.fractions


def dose_file(name: str, prescribed: Prescribed) -> Dataset:
    """The RT Dose of a plan."""
    return dicom.make_dose(
        gy=functools.partial(_gy, prescribed=prescribed),
        shape=SHAPE,
        uid=dose_uid(name),
        plan_uids=(UIDS[name],),
        scaling_gy="0.0001",
    )


def plan_file(name: str, prescribed: Prescribed) -> Dataset:
    """A RT Plan whose prescription names its target."""
    return dicom.make_plan(
        fractions=prescribed.fractions,
        prescription_gy=prescribed.total_gy,
        target_roi=NUMBERS[prescribed.target],
        label=LABELS.get(name, name),
        uid=UIDS[name],
    )


def structures_file() -> Dataset:
    """The RT Structure Set of all plans."""
    found = standard_structures()
    return dicom.make_structures(
        rois=[(s.number, s.name) for s in found.values()],
        contours={
            s.number: [(c.points_xyz_mm + CENTRE_XYZ_MM).ravel().tolist() for c in s.contours]
            for s in found.values()
        },
    )


def save_redefine(
    folder: Path,
    *,
    change: Mapping[str, Prescribed] | None = None,
    edit: Mapping[str, Edit] | None = None,
    skip: Collection[str] = (),
    case_toml: str | None = CASE_TOML,
) -> Path:
    """Plans, doses, a structure set and a case file in a folder.

    ``edit`` changes data sets by file name before they are written; ``skip`` leaves files out.
    """
    prescribed = {n: PRESCRIBED[n] for n in LABELS} | dict(change or {})
    files = {f"RP_{n}.dcm": plan_file(n, p) for n, p in prescribed.items()}
    files |= {f"RD_{n}.dcm": dose_file(n, p) for n, p in prescribed.items() if f"RD_{n}.dcm" not in skip}
    files["RS.dcm"] = structures_file()
    folder.mkdir(parents=True, exist_ok=True)
    for name, dataset in files.items():
        if name in skip:
            continue
        if edit and name in edit:
            edit[name](dataset)
        dicom.save(dataset, folder / name)
    if case_toml is not None:
        (folder / "case.toml").write_text(case_toml, encoding="utf-8")
    return folder
