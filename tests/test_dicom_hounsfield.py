"""Pixels of CT images: HU in the axes of the patient, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dicom_files as make
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from ct_files import POSITION_XY_MM, make_ct, save_ct

from dosecalc.dicom import read_folder
from dosecalc.dicom.hounsfield import read_slices
from dosecalc.errors import DicomError, InputError
from dosecalc.images import ImageGrid

Floats = npt.NDArray[np.float64]
Z_MM = (2.0, 5.0, 9.0, 12.0)
AXIAL = [name for name in make.ORIENTATIONS if name not in ("coronal", "sagittal")]


def linear_hu(xyz_mm: Floats) -> Floats:
    """HU that tell every point apart: whole numbers at the pixels of the files."""
    return np.asarray(100 + xyz_mm @ np.array([4.0, 6.0, 10.0]))


def series(folder: Path, **fields: object) -> ImageGrid:
    make.save_case(folder)
    save_ct(folder, Z_MM, hu=linear_hu, **fields)
    (image,) = read_folder(folder).images
    return image


@pytest.mark.parametrize("orientation", AXIAL)
def test_every_axial_orientation(tmp_path: Path, orientation: str) -> None:
    image = series(tmp_path, orientation=make.ORIENTATIONS[orientation])
    found = dict(read_slices(tmp_path, image, range(4)))
    expected = linear_hu(image.lattice.points_xyz_mm())
    assert sorted(found) == [0, 1, 2, 3]
    for number, hu in found.items():
        assert hu == pytest.approx(expected[number])
    assert image.sources == ("CT0.dcm", "CT1.dcm", "CT2.dcm", "CT3.dcm")


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    image = series(tmp_path)
    for number in (0, 1, 3):
        (tmp_path / f"CT{number}.dcm").unlink()
    ((number, hu),) = read_slices(tmp_path, image, [2])
    assert (number, hu.shape) == (2, image.lattice.shape_zyx[1:])


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [12, 13, 16])
def test_bits_and_signs(tmp_path: Path, bits: int, signed: bool) -> None:
    """Bits above those stored are no part of the pixel, whatever stands in them."""
    image = series(tmp_path, bits=bits, signed=signed, junk=bits < 16)
    ((_, hu),) = read_slices(tmp_path, image, [1])
    assert hu == pytest.approx(linear_hu(image.lattice.points_xyz_mm())[1])


@pytest.mark.parametrize(("slope", "intercept"), [("2", "-1000"), ("0.5", "-600")])
def test_rescaling(tmp_path: Path, slope: str, intercept: str) -> None:
    image = series(tmp_path, slope=slope, intercept=intercept)
    ((_, hu),) = read_slices(tmp_path, image, [3])
    expected = linear_hu(image.lattice.points_xyz_mm())[3]
    assert np.abs(hu - expected).max() <= float(slope) / 2


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"],
)
def test_encodings_without_loss(tmp_path: Path, syntax: str) -> None:
    image = series(tmp_path, syntax=syntax)
    ((_, hu),) = read_slices(tmp_path, image, [0])
    assert hu == pytest.approx(linear_hu(image.lattice.points_xyz_mm())[0])


def without(keyword: str) -> Callable[[pydicom.Dataset], None]:
    return lambda dataset: delattr(dataset, keyword)


def having(**values: object) -> Callable[[pydicom.Dataset], None]:
    return lambda dataset: [setattr(dataset, k, v) for k, v in values.items()] and None


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (without("RescaleSlope"), "RescaleSlope: expected 1 numbers, found none"),
        (without("RescaleIntercept"), "RescaleIntercept: expected 1 numbers, found none"),
        (having(RescaleType="US"), "RescaleType: expected HU, found US"),
        (having(BitsAllocated=8), "BitsAllocated: expected 16, found 8"),
        (having(BitsStored=17), "BitsStored: expected 1 to 16, found 17"),
        (having(HighBit=15), "HighBit: expected 11, found 15"),
        (having(PixelRepresentation=2), "PixelRepresentation: expected 0 or 1, found 2"),
        (having(SamplesPerPixel=3), "SamplesPerPixel: expected 1, found 3"),
        (without("PixelData"), "PixelData: expected pixels, found none"),
        (having(PixelData=b"\0" * 10), "PixelData: expected 198 bytes"),
    ],
)
def test_refused(tmp_path: Path, edit: Callable[[pydicom.Dataset], None], words: str) -> None:
    image = series(tmp_path)
    path = tmp_path / "CT2.dcm"
    dataset = make_ct(2, Z_MM[2], hu=linear_hu)
    edit(dataset)
    make.save(dataset, path)
    with pytest.raises(DicomError, match=r"CT2\.dcm: ") as caught:
        list(read_slices(tmp_path, image, [2]))
    assert words in str(caught.value)


def test_compressed_pixels_are_named(tmp_path: Path) -> None:
    image = series(tmp_path, syntax="1.2.840.10008.1.2.5")
    path = tmp_path / "CT2.dcm"
    path.write_bytes(make.with_transfer_syntax(path.read_bytes(), b"1.2.840.10008.1.2.4.90"))
    with pytest.raises(DicomError, match="expected an uncompressed file, RLE or deflated, found JPEG 2000"):
        list(read_slices(tmp_path, image, [2]))


def test_a_file_that_was_replaced_or_lost(tmp_path: Path) -> None:
    image = series(tmp_path)
    make.save(make_ct(2, 10.0, hu=linear_hu), tmp_path / "CT2.dcm")
    with pytest.raises(DicomError, match=r"expected the image of z = 9 mm that was here, found another"):
        list(read_slices(tmp_path, image, [2]))
    moved = (POSITION_XY_MM[0] + 1.0, POSITION_XY_MM[1])
    make.save(make_ct(2, 9.0, hu=linear_hu, position_xy_mm=moved), tmp_path / "CT2.dcm")
    with pytest.raises(DicomError, match="found another image"):
        list(read_slices(tmp_path, image, [2]))
    (tmp_path / "CT2.dcm").unlink()
    with pytest.raises(InputError, match=r"CT2.dcm: expected a file, found nothing"):
        list(read_slices(tmp_path, image, [2]))
