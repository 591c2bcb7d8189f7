"""RT Structure Set: contours to the last bit, and faults kept to the structure that has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dicom_files as make
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dosecalc.dicom import read_structures
from dosecalc.errors import DicomError, DosecalcError
from dosecalc.structures import StructureSet

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data beside the project are absent")

SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]


def read(dataset: Dataset, folder: Path, syntax: str = str(ExplicitVRLittleEndian)) -> StructureSet:
    return read_structures(make.save(dataset, folder / "RS.dcm", syntax=syntax))


def _pydicom_points(path: Path) -> list[np.ndarray]:
    """Every contour through pydicom's own values."""
    dataset = pydicom.dcmread(path)
    return [
        np.array([float(v) for v in contour.ContourData]).reshape(-1, 3)
        for roi in dataset.ROIContourSequence
        for contour in roi.get("ContourSequence") or []
    ]


def assert_as_pydicom(found: StructureSet, path: Path) -> None:
    points = [contour.points_xyz_mm for structure in found for contour in structure.contours]
    expected = _pydicom_points(path)
    assert len(points) == len(expected)
    for ours, theirs in zip(points, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)  # to the last bit


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_set_is_read_whole_in_every_encoding(tmp_path: Path, syntax: str) -> None:
    dataset = make.make_structures(rois={7: "Rückenmark", 3: "PTV"})
    found = read(dataset, tmp_path, syntax)
    assert [(s.number, s.name, s.interpreted_type) for s in found] == [
        (7, "Rückenmark", "ORGAN"),
        (3, "PTV", "ORGAN"),
    ]
    assert (found.uid, found.label) == (make.STRUCTURES_UID, "set")
    assert {s.frame_uid for s in found} == {make.FRAME_UID}
    assert {s.slice_mm for s in found} == {3.0}
    assert [c.points_xyz_mm.tolist() for c in found[7].contours] == [
        np.reshape(make.square(z), (-1, 3)).tolist() for z in (-3.0, 0.0, 3.0)
    ]


@pytest.mark.parametrize("syntax", SYNTAXES[:2])
def test_half_a_million_points_are_bit_identical_to_pydicom(tmp_path: Path, syntax: str) -> None:
    rng = np.random.default_rng(500_000)
    formats = ["%.0f", "%.2f", "%.10f", "%.9e", "%+.3f"]
    contours = []
    for number in range(500):
        values = rng.normal(scale=200, size=3000)
        contours.append("\\".join(formats[number % len(formats)] % v for v in values))
    path = make.save(
        make.make_structures(rois={1: "Body"}, contours={1: contours}), tmp_path / "RS.dcm", syntax=syntax
    )
    found = read_structures(path)
    assert sum(len(c.points_xyz_mm) for c in found[1].contours) == 500_000
    assert_as_pydicom(found, path)


@pytest.mark.parametrize(
    "text",
    [" 1 \\ 2\\3 \\4\\5\\6\\7\\8\\9", "1\\2\\3\\4\\5\\6\\7\\8\\9\0", "1.\\.2e1\\+3\\4\\5\\6\\7\\8\\9   "],
)
def test_blanks_and_nuls_around_numbers(tmp_path: Path, text: str) -> None:
    found = read(make.make_structures(rois={1: "a"}, contours={1: [text]}), tmp_path)
    assert found[1].problem == ""
    assert found[1].contours[0].points_xyz_mm.ravel().tolist()[3:] == [4, 5, 6, 7, 8, 9]


def test_values_that_are_written_as_decimals(tmp_path: Path) -> None:
    dataset = make.make_structures(rois={1: "a"})
    dataset.ROIContourSequence[0].ContourSequence[0].ContourData = [1.5, 0, -3, 4, 0, -3, 4, 2, -3, 1, 2, -3]
    found = read(dataset, tmp_path)
    assert found[1].contours[0].points_xyz_mm[0].tolist() == [1.5, 0, -3]


@pytest.mark.parametrize("kind", ["POINT", "OPEN_PLANAR", "OPEN_NONPLANAR", "CLOSEDPLANAR_XOR"])
def test_geometric_types_are_kept(tmp_path: Path, kind: str) -> None:
    points = [1.0, 2.0, 3.0] if kind == "POINT" else make.square(0.0)
    dataset = make.make_structures(rois={1: "a"}, contours={1: [points]}, geometric_type=kind)
    assert [c.geometric_type for c in read(dataset, tmp_path)[1].contours] == [kind]


def test_names_may_repeat_or_be_empty_and_rois_be_without_contours(tmp_path: Path) -> None:
    rois = [(1, "PTV"), (2, "PTV"), (3, ""), (4, "empty"), (5, "no item")]
    contours = {number: [make.square(0.0)] for number in (1, 2, 3)} | {4: []}
    found = read(make.make_structures(rois=rois, contours=contours), tmp_path)
    assert [len(s.contours) for s in found] == [1, 1, 1, 0, 0]
    assert [s.name for s in found] == ["PTV", "PTV", "", "empty", "no item"]
    assert not any(s.problem for s in found)
    assert found.problems == ()
    with pytest.raises(DosecalcError, match=r"'PTV' names 2 structures \(ROI Numbers 1, 2\)"):
        found["PTV"]


def test_contours_of_an_unknown_roi_are_a_problem_of_the_set(tmp_path: Path) -> None:
    contours = {1: [make.square(0.0)], 9: [make.square(0.0)]}
    found = read(make.make_structures(rois={1: "a"}, contours=contours), tmp_path)
    assert len(found) == 1
    assert found.problems[0].endswith(
        "RS.dcm: ROIContourSequence: expected ROI Numbers of StructureSetROISequence, "
        "found 9; its contours are not used"
    )


def test_the_frame_may_stand_in_the_set_alone(tmp_path: Path) -> None:
    dataset = make.make_structures()
    for roi in dataset.StructureSetROISequence:
        del roi.ReferencedFrameOfReferenceUID
    assert {s.frame_uid for s in read(dataset, tmp_path)} == {make.FRAME_UID}


def _bad_contour(points: list[float] | str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        other = make.make_structures(rois={1: "a"}, contours={1: [points]})
        dataset.ROIContourSequence[0].ContourSequence[1] = other.ROIContourSequence[0].ContourSequence[0]

    return change


def _contour_attribute(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda ds: setattr(ds.ROIContourSequence[0].ContourSequence[1], keyword, value)


def _no_frame(dataset: Dataset) -> None:
    del dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    del dataset.ReferencedFrameOfReferenceSequence


def _same_number(dataset: Dataset) -> None:
    extra = Dataset()
    extra.ROINumber, extra.ROIName = 1, "other"
    dataset.StructureSetROISequence.append(extra)


NUMBERS = "ROIContourSequence item 1, ContourSequence item 2, ContourData: expected "
BAD_STRUCTURES: list[tuple[Callable[[Dataset], None], str]] = [
    (_bad_contour([0, 0, 0, 5, 5, 0]), NUMBERS + "3 points or more in a closed contour, found 2"),
    (_bad_contour("1\\2\\3\\4"), NUMBERS + "a multiple of 3 numbers, found 4"),
    (_bad_contour("nan\\2\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour("1e999\\2\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour("1,0\\2\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour("1_0\\2\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour("1\0\\2\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour("1\\\\3\\4\\5\\6\\7\\8\\9"), NUMBERS + "finite numbers, found other text"),
    (_bad_contour(""), NUMBERS + "points, found an empty value"),
    (
        _contour_attribute("NumberOfContourPoints", 5),
        NUMBERS + "5 points (NumberOfContourPoints), found 4",
    ),
    (
        _contour_attribute("ContourGeometricType", None),
        "ContourSequence item 2, ContourGeometricType: expected a value, found an empty value",
    ),
    (_no_frame, "StructureSetROISequence item 1, ReferencedFrameOfReferenceUID: expected a UID, found none"),
    (_same_number, "StructureSetROISequence item 1, ROINumber: expected each number once, found 1 again"),
    (
        lambda ds: ds.ROIContourSequence.append(ds.ROIContourSequence[0]),
        "ROIContourSequence item 3, ReferencedROINumber: expected each number once, found 1 again",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_STRUCTURES)
def test_a_fault_stays_with_its_structure(
    tmp_path: Path, spoil: Callable[[Dataset], None], message: str
) -> None:
    dataset = make.make_structures()
    spoil(dataset)
    found = read(dataset, tmp_path)
    bad = found.structures[0]
    assert bad.problem.startswith("ROI 1: ")
    assert "RS.dcm: " in bad.problem
    assert message in bad.problem
    assert bad.contours == ()
    assert len(found["SpinalCord"].contours) == 3
    assert found["SpinalCord"].problem == ""


BAD_SETS: list[tuple[Callable[[Dataset], None], str]] = [
    (lambda ds: delattr(ds, "SOPInstanceUID"), "SOPInstanceUID: expected a value, found none"),
    (
        lambda ds: delattr(ds, "StructureSetROISequence"),
        "StructureSetROISequence: expected at least one item, found none",
    ),
    (
        lambda ds: delattr(ds, "ROIContourSequence"),
        "ROIContourSequence: expected at least one item, found none",
    ),
    (
        lambda ds: delattr(ds.StructureSetROISequence[1], "ROINumber"),
        "StructureSetROISequence item 2, ROINumber: expected a whole number, found none",
    ),
    (lambda ds: setattr(ds, "Modality", "SEG"), "Modality: expected RTSTRUCT, found SEG"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_SETS)
def test_a_bad_set_is_refused_by_name(tmp_path: Path, spoil: Callable[[Dataset], None], message: str) -> None:
    dataset = make.make_structures()
    spoil(dataset)
    with pytest.raises(DicomError) as caught:
        read(dataset, tmp_path)
    assert f"RS.dcm: {message}" in str(caught.value)


@pytest.mark.parametrize("syntax", SYNTAXES[:2])
def test_a_cut_set_is_never_taken_for_a_whole_one(tmp_path: Path, syntax: str) -> None:
    dataset = make.make_structures()
    content = make.as_bytes(dataset, syntax=syntax)
    del dataset.RTROIObservationsSequence  # a cut right before it cannot be seen, and costs no contour
    invisible = len(make.as_bytes(dataset, syntax=syntax))
    path = tmp_path / "RS.dcm"
    for length in (*range(0, len(content), 3), invisible):
        path.write_bytes(content[:length])
        if length == invisible:
            assert all(len(s.contours) == 3 for s in read_structures(path))
            continue
        with pytest.raises(DosecalcError, match=r"RS\.dcm: "):
            read_structures(path)


@pytest.mark.parametrize("undefined_length", [False, True])
def test_flipped_bits_raise_our_errors_only(tmp_path: Path, undefined_length: bool) -> None:
    dataset = make.make_structures()
    if undefined_length:
        for sequence in ("StructureSetROISequence", "ROIContourSequence"):
            dataset[sequence].is_undefined_length = True
            for item in dataset[sequence].value:
                item.is_undefined_length_sequence_item = True
    content = make.as_bytes(dataset)
    path = tmp_path / "RS.dcm"
    rng = np.random.default_rng(20240105)
    for _ in range(500):
        spoilt = bytearray(content)
        for at in rng.integers(0, len(content), size=rng.integers(1, 6)):
            spoilt[at] ^= 1 << rng.integers(0, 8)
        path.write_bytes(bytes(spoilt))
        try:
            read_structures(path)
        except DosecalcError as error:
            assert "RS.dcm" in str(error)


def test_a_cut_set_of_undefined_lengths_is_never_taken_for_a_whole_one(tmp_path: Path) -> None:
    dataset = make.make_structures()
    for sequence in ("ROIContourSequence", "RTROIObservationsSequence"):
        dataset[sequence].is_undefined_length = True
        for item in dataset[sequence].value:
            item.is_undefined_length_sequence_item = True
    content = make.as_bytes(dataset)
    del dataset.RTROIObservationsSequence
    invisible = len(make.as_bytes(dataset))
    path = tmp_path / "RS.dcm"
    for length in (*range(0, len(content), 3), invisible):
        path.write_bytes(content[:length])
        if length == invisible:
            assert all(len(s.contours) == 3 for s in read_structures(path))
            continue
        with pytest.raises(DosecalcError, match=r"RS\.dcm: "):
            read_structures(path)


@needs_data
def test_the_clinical_set_is_as_its_readme_says() -> None:
    path = DATA / "breast" / "rtss.dcm"
    found = read_structures(path)
    assert len(found) == 10
    assert sum(len(c.points_xyz_mm) for s in found for c in s.contours) == 88_158
    assert not any(s.problem for s in found)
    assert_as_pydicom(found, path)


@needs_data
def test_nelms_sets_hold_one_solid_and_one_empty_point() -> None:
    paths = sorted((DATA / "nelms2015" / "structures").glob("*.dcm"))
    assert len(paths) == 8
    for path in paths:
        point, solid = read_structures(path)
        assert point.contours == ()
        assert {c.geometric_type for c in solid.contours} == {"CLOSED_PLANAR"}
        assert solid.slice_mm == (1.0 if "_10_" in path.name else 3.0)
        assert_as_pydicom(read_structures(path), path)
