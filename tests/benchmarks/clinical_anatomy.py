"""The structures of the clinical case: head, neck and upper chest of one patient, and its targets.

Lengths are in mm of the patient system (x to the left, y to the back, z to the head).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from clinical_shapes import Arch, Blob, Hollow, Parts, Shape, Torso, Triple, Tube


@dataclass(frozen=True, kw_only=True)
class Organ:
    """A shape with its name, its DICOM interpreted type and how far apart its contour points are."""

    name: str
    shape: Shape = field(repr=False)
    kind: str = "ORGAN"
    step_mm: float = 1.0


def _both(name: str, left: Shape, right: Shape, *, step_mm: float = 1.0) -> list[Organ]:
    return [
        Organ(name=f"{name}_L", shape=left, step_mm=step_mm),
        Organ(name=f"{name}_R", shape=right, step_mm=step_mm),
    ]


def _blob(centre: Triple, radii: Triple, seed: int, **more: object) -> Blob:
    return Blob(centre_xyz_mm=centre, radii_xyz_mm=radii, seed=seed, **more)  # type: ignore[arg-type]


def _mirrored(
    centre: Triple, radii: Triple, seed: int, *, dent: Triple | None = None, **more: object
) -> tuple[Blob, Blob]:
    """The left shape as given, and a right one of slightly other form. Only the dent is mirrored."""
    x, y, z = centre
    other = None if dent is None else (180 - dent[0], dent[1], dent[2])
    return (
        _blob((x, y, z), radii, seed, dent=dent, **more),
        _blob((-x, y + 1.5, z - 1.2), radii, seed + 100, dent=other, **more),
    )


def targets() -> list[Organ]:
    """Gross, clinical and planning targets: compact, of several parts, with a nested hole and a keyhole."""
    airway = _blob((10.0, -6.0, 20.0), (9.0, 8.0, 22.0), 4, wobble=0.0)
    high = Hollow(outer=_blob((12.0, -8.0, 20.0), (34.0, 30.0, 34.0), 3), inner=airway, keyhole=True)
    planned = Hollow(
        outer=_blob((12.0, -8.0, 20.0), (38.0, 34.0, 38.0), 5),
        inner=_blob((10.0, -6.0, 20.0), (6.0, 5.5, 17.0), 6, wobble=0.0),
    )
    nodes = Parts(
        of=[
            _blob((45.0, 5.0, 10.0), (10.0, 9.0, 13.0), 7),
            _blob((-42.0, 4.0, -12.0), (8.0, 8.0, 11.0), 8),
        ]
    )
    shapes: list[tuple[str, str, Shape]] = [
        ("GTVp", "GTV", _blob((15.0, -10.0, 20.0), (18.0, 16.0, 20.0), 9)),
        ("GTVn", "GTV", nodes),
        ("CTV_High", "CTV", high),
        ("CTV_Low", "CTV", _neck_levels(0.0)),
        ("PTV_High", "PTV", planned),
        ("PTV_Low", "PTV", _neck_levels(4.0)),
        ("PTV_Boost", "PTV", _blob((15.0, -10.0, 20.0), (22.0, 20.0, 24.0), 10)),
    ]
    return [Organ(name=name, shape=shape, kind=kind) for name, kind, shape in shapes]


def _neck_levels(margin_mm: float) -> Parts:
    m = margin_mm
    chain = (16.0 + m, 20.0 + m, 75.0 + m)
    left, right = _mirrored((48.0, 8.0, -5.0), chain, 11, power=3.0, lean=(-0.04, 0.06))
    return Parts(of=[left, right, _blob((0.0, -5.0, 10.0), (18.0 + m, 17.0 + m, 28.0 + m), 12)])


def head_organs() -> list[Organ]:
    """Organs of the head, down to lenses of 0.2 cm3."""
    left_nerve = Tube(ends_mm=(83.5, 92.5), start_xy_mm=(31.0, -55.0), slope_xy=(-2.9, 4.1), radius_mm=2.2)
    right_nerve = Tube(ends_mm=(83.5, 92.5), start_xy_mm=(-31.0, -55.0), slope_xy=(2.8, 4.2), radius_mm=2.2)
    jaw = Arch(
        centre_xyz_mm=(0.0, -18.0, 20.0), radii_xy_mm=(52.0, 60.0), thickness_mm=10.0, half_height_mm=23.0
    )
    parotid = _mirrored((58.0, 10.0, 48.0), (15.0, 24.0, 28.0), 20, dent=(180.0, 0.35, 40.0), wobble=0.06)
    return [
        Organ(name="Brain", shape=_blob((0.0, 8.0, 112.0), (66.0, 80.0, 58.0), 21, power=2.4), step_mm=1.6),
        Organ(
            name="Brainstem",
            shape=_blob((0.0, 18.0, 76.0), (14.0, 13.0, 29.0), 22, power=3.0, lean=(0, 0.15)),
        ),
        Organ(name="OpticChiasm", shape=_blob((0.0, -14.0, 93.0), (8.0, 6.0, 4.5), 23), step_mm=0.6),
        *_both("OpticNrv", left_nerve, right_nerve, step_mm=0.6),
        *_both("Eye", *_mirrored((32.0, -68.0, 85.0), (12.0, 12.0, 12.0), 24, wobble=0.01), step_mm=0.8),
        *_both("Lens", *_mirrored((32.0, -77.0, 85.0), (4.6, 2.4, 4.4), 25, wobble=0.0), step_mm=0.5),
        *_both("Parotid", *parotid),
        *_both("Glnd_Submand", *_mirrored((32.0, -30.0, 15.0), (10.0, 14.0, 14.0), 26), step_mm=0.8),
        Organ(name="Bone_Mandible", shape=jaw),
    ]


def neck_organs() -> list[Organ]:
    """Organs of the neck and chest: cord, thin oblique vessels, a shell, lungs that the scan cuts off."""
    cord_line = {"start_xy_mm": (0.0, 28.0), "slope_xy": (0.0, 0.03), "sway_mm": (0.8, 5.0)}
    cord_line |= {"sway_length_mm": 230.0, "flatten": 0.85}
    carotid_l = Tube(
        ends_mm=(-110.0, 70.0),
        start_xy_mm=(18.0, 0.0),
        slope_xy=(0.09, 0.05),
        radius_mm=3.0,
        sway_mm=(6.0, 5.0),
    )
    carotid_r = Tube(
        ends_mm=(-105.0, 70.0),
        start_xy_mm=(-20.0, -1.0),
        slope_xy=(-0.08, 0.06),
        radius_mm=3.0,
        sway_mm=(-7.0, 4.0),
    )
    vertebral_l = Tube(
        ends_mm=(-90.0, 45.0),
        start_xy_mm=(26.0, 18.0),
        slope_xy=(-0.05, 0.06),
        radius_mm=1.8,
        sway_mm=(2.0, 3.0),
    )
    vertebral_r = Tube(
        ends_mm=(-92.0, 45.0),
        start_xy_mm=(-25.0, 19.0),
        slope_xy=(0.04, 0.05),
        radius_mm=1.6,
        sway_mm=(-2.5, 3.0),
    )
    mucosa = Hollow(
        outer=_blob((0.0, -14.0, 12.0), (24.0, 22.0, 48.0), 30, power=3.0, wobble=0.03),
        inner=_blob((0.0, -14.0, 12.0), (21.0, 19.0, 45.0), 30, power=3.0, wobble=0.03),
    )
    lungs = _mirrored(
        (88.0, 5.0, -185.0),
        (62.0, 82.0, 122.0),
        31,
        power=2.5,
        dent=(180.0, 0.3, 45.0),
        ends_mm=(-180.0, np.inf),
    )
    thyroid = Arch(
        centre_xyz_mm=(0.0, -16.0, -70.0),
        radii_xy_mm=(25.0, 20.0),
        thickness_mm=9.0,
        half_height_mm=21.0,
        opening_degrees=110.0,
    )
    gullet = Tube(
        ends_mm=(-180.0, -45.0), start_xy_mm=(4.0, 4.0), slope_xy=(-0.02, 0.02), radius_mm=9.0, flatten=0.7
    )
    return [
        Organ(name="SpinalCord", shape=Tube(ends_mm=(-180.0, 48.0), radius_mm=6.2, **cord_line)),  # type: ignore[arg-type]
        Organ(name="SpinalCord_PRV", shape=Tube(ends_mm=(-180.0, 48.0), radius_mm=11.2, **cord_line)),  # type: ignore[arg-type]
        *_both("A_Carotid", carotid_l, carotid_r, step_mm=0.6),
        *_both("A_Vertebral", vertebral_l, vertebral_r, step_mm=0.5),
        Organ(name="Mucosa", shape=mucosa),
        Organ(name="Larynx", shape=_blob((0.0, -22.0, -42.0), (19.0, 20.0, 24.0), 32)),
        Organ(name="Esophagus", shape=gullet),
        Organ(name="Glnd_Thyroid", shape=thyroid, step_mm=0.8),
        *_both("Lung", *lungs, step_mm=1.4),
    ]


def anatomy() -> list[Organ]:
    """All structures of the clinical case, BODY first."""
    body = Organ(name="BODY", shape=Torso(), kind="EXTERNAL", step_mm=1.8)
    return [body, *targets(), *head_organs(), *neck_organs()]
