"""The CT under sections: a bright block at a known place, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import dicom_files as make
import numpy as np
import numpy.typing as npt
import pytest
from ct_files import save_ct

from dosecalc.case import Case
from dosecalc.checking.ct_sections import Window, ct_around, grey_images
from dosecalc.dicom import read_folder
from dosecalc.sections import GreyImage, Plane

Floats = npt.NDArray[np.float64]

SPOT = (-2.0, 6.0, 11.0)
WINDOW = Window(low_xyz_mm=(-42.0, -34.0, -29.0), high_xyz_mm=(38.0, 46.0, 61.0), spot_xyz_mm=SPOT)
BLOCK_LOW, BLOCK_HIGH = np.array([-8.0, 2.0, 5.0]), np.array([10.0, 12.0, 29.0])
"""Edges of the bright block, midway between pixels; all three sections go through it."""
Z_MM = np.arange(-31.0, 64.0, 4.0)


def block_hu(xyz_mm: Floats) -> Floats:
    return np.where(np.all((xyz_mm > BLOCK_LOW) & (xyz_mm < BLOCK_HIGH), axis=-1), 240.0, -160.0)


def case_of(folder: Path, *, z_mm: Sequence[float] = Z_MM.tolist(), **fields: object) -> Case:
    make.save_case(folder)
    corner = {"position_xy_mm": (-61.0, -61.0), "rows_columns": (61, 61), "spacing_mm": (2.0, 2.0)}
    save_ct(folder, z_mm, hu=block_hu, **{**corner, **fields})
    return read_folder(folder)


def drawn(case: Case, window: Window = WINDOW) -> Mapping[Plane, GreyImage]:
    image, _ = ct_around(case, make.FRAME_UID, window)
    assert image is not None
    return grey_images(case, image, window)


def bright(image: GreyImage) -> Floats:
    """Left, upper, right and lower edge of what is brighter than half, in mm of the picture."""
    rows, columns = image.grey.shape
    found = image.grey > 128
    down, across = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    wide, high = image.extent.width_mm / columns, image.extent.height_mm / rows
    edges = [across[0] * wide, down[0] * high, (across[-1] + 1) * wide, (down[-1] + 1) * high]
    return np.array(edges) + [image.extent.left_mm, image.extent.top_mm] * 2


@pytest.mark.parametrize("orientation", ["HFS", "HFP", "FFS", "FFP", "HFDL", "FFDR"])
def test_a_bright_block_lies_where_it_is(tmp_path: Path, orientation: str) -> None:
    cosines = np.array(make.ORIENTATIONS[orientation])
    towards = (cosines[:3] + cosines[3:])[:2]
    corner = tuple((-60.0 * towards - 1.0).tolist())
    found = drawn(case_of(tmp_path, orientation=make.ORIENTATIONS[orientation], position_xy_mm=corner))
    for plane in Plane:
        corners = plane.across_down(np.stack([BLOCK_LOW, BLOCK_HIGH]))
        expected = [*corners.min(axis=0), *corners.max(axis=0)]
        # Linear between pixels of 2 mm and slices of 4 mm, on pixels of 1 mm: half of each at most.
        assert np.abs(bright(found[plane]) - expected).max() <= 2.5
        assert found[plane].grey.max() == 255
        assert found[plane].grey.min() == 1


def test_the_pixels_fill_the_window(tmp_path: Path) -> None:
    found = drawn(case_of(tmp_path))
    assert {p: i.grey.shape for p, i in found.items()} == {
        Plane.AXIAL: (80, 80),
        Plane.CORONAL: (90, 80),
        Plane.SAGITTAL: (90, 80),
    }
    assert all(i.extent == WINDOW.extent(p) for p, i in found.items())


def test_beyond_the_ct_nothing_is_known(tmp_path: Path) -> None:
    """The slices end at z = 33 mm, the pixels at x = 31 mm + half of one."""
    short = case_of(tmp_path, z_mm=Z_MM[Z_MM < 36].tolist(), rows_columns=(61, 47))
    found = drawn(short)
    down, across = -60.5 + np.arange(90), -41.5 + np.arange(80)
    coronal = found[Plane.CORONAL].grey
    outside = (-down > 33 + 2)[:, None] | (across > 31 + 1)[None]
    assert np.all(coronal[outside] == 0)
    assert np.all(coronal[~outside & (-down < 33)[:, None] & (across < 31)[None]] > 0)
    assert np.all(found[Plane.AXIAL].grey[:, across > 32] == 0)


def test_nothing_is_drawn_across_missing_slices(tmp_path: Path) -> None:
    kept = [z for z in Z_MM.tolist() if not 34 < z < 48]
    coronal = drawn(case_of(tmp_path, z_mm=kept))[Plane.CORONAL].grey
    z_mm = 60.5 - np.arange(90)
    gap = (z_mm > 33) & (z_mm < 49)
    assert np.all(coronal[gap] == 0)
    assert np.all(coronal[~gap & (z_mm < 60)] > 0)


class TestChoice:
    def test_another_frame_or_another_place(self, tmp_path: Path) -> None:
        case = case_of(tmp_path)
        assert ct_around(case, "1.2.99", WINDOW)[0] is None
        above = Window(low_xyz_mm=(-40, -40, 60), high_xyz_mm=(40, 40, 140), spot_xyz_mm=(0, 0, 100))
        image, words = ct_around(case, make.FRAME_UID, above)
        assert image is None
        assert words == (
            "no CT is drawn: none is around the hot spot in the frame of reference of the structure"
        )

    def test_the_finest_of_several(self, tmp_path: Path) -> None:
        case_of(tmp_path)
        finer = np.arange(-31.0, 64.0, 2.0).tolist()
        corner = {"position_xy_mm": (-61.0, -61.0), "rows_columns": (61, 61), "spacing_mm": (2.0, 2.0)}
        save_ct(tmp_path, finer, hu=block_hu, prefix="fine", series_uid="1.2.826.0.1.71", **corner)
        image, words = ct_around(read_folder(tmp_path), make.FRAME_UID, WINDOW)
        assert image is not None
        assert image.source == "fine0.dcm"
        assert words.startswith("CT of the series of fine0.dcm, of 2 that are here, from -160 HU (black)")
