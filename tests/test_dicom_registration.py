"""Spatial and deformable registrations: direction, order, kinds, and every fault by name."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dicom_files as make
import numpy as np
import numpy.typing as npt
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dosecalc.dicom.registration import DEFORMABLE, SPATIAL, read_registrations
from dosecalc.errors import DicomError, DosecalcError
from dosecalc.registrations import Frames, Kind, Registration
from dosecalc.transforms import Affine, Deformation, apply, describe

Floats = npt.NDArray[np.float64]
Matrix = Sequence[Sequence[float]] | Floats

OWN, SOURCE, OTHER, UID = "1.2.826.0.1.20", "1.2.826.0.1.21", "1.2.826.0.1.22", "1.2.826.0.1.29"
SYNTAXES = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]

IDENTITY = np.eye(4)
QUARTER = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
SLANTED = np.array([[0.8, -0.6, 0, 0], [0.6, 0.8, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
SHIFT = np.array([[1.0, 0, 0, 10], [0, 1, 0, 20], [0, 0, 1, 30], [0, 0, 0, 1]])
SCALED = np.diag([1.1, 1.0, 0.9, 1.0])
SHEARED = np.array([[1.0, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
MIRRORED = np.diag([-1.0, 1, 1, 1])


def matrix_item(matrix: Matrix, kind: str = "RIGID") -> Dataset:
    item = Dataset()
    item.FrameOfReferenceTransformationMatrix = [f"{number:.10g}" for number in np.ravel(matrix)]
    item.FrameOfReferenceTransformationMatrixType = kind
    return item


def spatial_item(frame_uid: str, *matrices: Dataset) -> Dataset:
    registration = Dataset()
    registration.RegistrationTypeCodeSequence = []
    registration.MatrixSequence = list(matrices)
    item = Dataset()
    item.FrameOfReferenceUID = frame_uid
    item.MatrixRegistrationSequence = [registration]
    return item


def header(sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = sop_class, UID, "REG"
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "P-1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.826.0.1.7", "1.2.826.0.1.8"
    dataset.FrameOfReferenceUID = OWN
    return dataset


def make_spatial(*items: Dataset) -> Dataset:
    """By default the registered frame to itself, and a shift of one source."""
    dataset = header(SPATIAL)
    dataset.RegistrationSequence = list(items) or [
        spatial_item(OWN, matrix_item(IDENTITY)),
        spatial_item(SOURCE, matrix_item(SHIFT)),
    ]
    return dataset


COSINES = (0.8, 0.6, 0.0, 0.0, 0.0, 1.0)
COUNTS, RESOLUTION_MM, POSITION_MM = (4, 3, 2), (5.0, 4.0, 3.0), (-7.0, 11.0, 13.0)


def field(counts: Sequence[int] = COUNTS) -> npt.NDArray[np.float32]:
    """Vectors that tell i, j and k and their own components apart, (nz, ny, nx, 3)."""
    k, j, i = np.meshgrid(*(np.arange(n) for n in counts[::-1]), indexing="ij")
    number = i + 10 * j + 100 * k
    return np.stack([number, 0.5 * number + 0.25, -number], axis=-1).astype(np.float32)


def grid_item(vectors: npt.NDArray[np.float32] | None = None, *, order: str = "<") -> Dataset:
    item = Dataset()
    item.ImagePositionPatient, item.ImageOrientationPatient = list(POSITION_MM), list(COSINES)
    item.GridDimensions, item.GridResolution = list(COUNTS), list(RESOLUTION_MM)
    given = field() if vectors is None else vectors
    item.VectorGridData = given.astype(f"{order}f4").tobytes()
    return item


def deformable_item(
    source_uid: str,
    *,
    pre: Dataset | None = None,
    grid: Dataset | None = None,
    post: Dataset | None = None,
) -> Dataset:
    item = Dataset()
    item.SourceFrameOfReferenceUID = source_uid
    item.RegistrationTypeCodeSequence = []
    for keyword, part in (
        ("PreDeformationMatrixRegistrationSequence", pre),
        ("PostDeformationMatrixRegistrationSequence", post),
        ("DeformableRegistrationGridSequence", grid),
    ):
        if part is not None:
            setattr(item, keyword, [part])
    return item


def make_deformable(*items: Dataset, order: str = "<") -> Dataset:
    dataset = header(DEFORMABLE)
    dataset.DeformableRegistrationSequence = list(items) or [
        deformable_item(OWN),
        deformable_item(
            SOURCE, pre=matrix_item(QUARTER), grid=grid_item(order=order), post=matrix_item(SHIFT)
        ),
    ]
    return dataset


def read(
    dataset: Dataset, folder: Path, syntax: str = str(ExplicitVRLittleEndian)
) -> tuple[Registration, ...]:
    return read_registrations(make.save(dataset, folder / "REG.dcm", syntax=syntax))


def only(dataset: Dataset, folder: Path) -> Registration:
    (found,) = read(dataset, folder)
    return found


def mapped(registration: Registration, *point_xyz_mm: float) -> list[float]:
    found: list[float] = apply(registration.transform, np.array([point_xyz_mm]))[0].round(6).tolist()
    return found


# --- spatial ------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_matrix_maps_the_source_into_the_registered_frame(tmp_path: Path, syntax: str) -> None:
    (found,) = read(make_spatial(), tmp_path, syntax)
    assert (found.from_uid, found.to_uid, found.uid, found.kind) == (SOURCE, OWN, UID, Kind.RIGID)
    assert found.source.endswith("REG.dcm")
    assert mapped(found, 1, 2, 3) == [11, 22, 33]
    assert found.remarks() == ()


def test_the_first_of_several_matrices_is_applied_first(tmp_path: Path) -> None:
    """A quarter turn takes (1, 2, 3) to (-2, 1, 3), a shift then to (8, 21, 33); the other way round it
    would be (-22, 11, 33)."""
    found = only(make_spatial(spatial_item(SOURCE, matrix_item(QUARTER), matrix_item(SHIFT))), tmp_path)
    assert mapped(found, 1, 2, 3) == [8, 21, 33]
    (remark,) = found.remarks()
    assert remark.endswith(f"frame of reference {SOURCE} into {OWN}: 2 matrices, the first applied first")
    other = only(make_spatial(spatial_item(SOURCE, matrix_item(SHIFT), matrix_item(QUARTER))), tmp_path)
    assert mapped(other, 1, 2, 3) == [-22, 11, 33]
    third = matrix_item(np.linalg.inv(QUARTER))
    three = only(
        make_spatial(spatial_item(SOURCE, matrix_item(QUARTER), matrix_item(SHIFT), third)), tmp_path
    )
    assert mapped(three, 1, 2, 3) == [21, -8, 33]


def test_matrices_whose_order_does_not_matter_need_no_remark(tmp_path: Path) -> None:
    found = only(make_spatial(spatial_item(SOURCE, matrix_item(SHIFT), matrix_item(SHIFT))), tmp_path)
    assert mapped(found, 0, 0, 0) == [20, 40, 60]
    assert found.remarks() == ()


@pytest.mark.parametrize(
    ("matrix", "kind", "remark"),
    [
        (QUARTER, "RIGID", ""),
        (SCALED @ SLANTED, "RIGID_SCALE", "not rigid: scaled by 1.1000, 1.0000 and 0.9000"),
        (SLANTED @ SCALED, "RIGID_SCALE", "not rigid: scaled by 1.1000, 1.0000 and 0.9000"),
        (QUARTER, "RIGID_SCALE", ""),
        (SHEARED, "AFFINE", "not rigid: sheared (volumes times 1.0000)"),
        (MIRRORED, "AFFINE", "not rigid: mirrored (determinant -1.0000)"),
        (SHIFT, "AFFINE", ""),
    ],
)
def test_kinds_of_matrices(tmp_path: Path, matrix: Floats, kind: str, remark: str) -> None:
    found = only(make_spatial(spatial_item(SOURCE, matrix_item(matrix, kind))), tmp_path)
    assert found.kind is Kind(kind)
    assert [text.rpartition(f"{OWN}: ")[2] for text in found.remarks()] == ([remark] if remark else [])


def test_the_widest_kind_of_several_matrices_counts(tmp_path: Path) -> None:
    matrices = [matrix_item(QUARTER), matrix_item(SCALED, "RIGID_SCALE"), matrix_item(QUARTER)]
    assert only(make_spatial(spatial_item(SOURCE, *matrices)), tmp_path).kind is Kind.RIGID_SCALE
    matrices.append(matrix_item(QUARTER, "AFFINE"))
    assert only(make_spatial(spatial_item(SOURCE, *matrices)), tmp_path).kind is Kind.AFFINE


def test_several_sources_share_the_registered_frame(tmp_path: Path) -> None:
    dataset = make_spatial(
        spatial_item(SOURCE, matrix_item(SHIFT)),
        spatial_item(OTHER, matrix_item(QUARTER)),
        spatial_item(SOURCE, matrix_item(SHIFT)),  # once more for other images
    )
    found = read(dataset, tmp_path)
    assert [(r.from_uid, r.to_uid) for r in found] == [(SOURCE, OWN), (OTHER, OWN)]
    path = Frames(registrations=found).path(SOURCE, OTHER)
    assert isinstance(path, Affine)
    # (1, 2, 3) is (11, 22, 33) in the registered frame, which a quarter turn back takes to (22, -11, 33).
    assert apply(path, np.array([[1.0, 2, 3]])).round(9).tolist() == [[22, -11, 33]]


def test_a_file_may_register_its_own_frame_alone(tmp_path: Path) -> None:
    assert read(make_spatial(spatial_item(OWN, matrix_item(IDENTITY))), tmp_path) == ()


def test_rounded_rotations_are_rigid(tmp_path: Path) -> None:
    angle = math.radians(33)
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    for decimals in (4, 6, 10):
        found = only(make_spatial(spatial_item(SOURCE, matrix_item(np.round(turn, decimals)))), tmp_path)
        assert describe(found.transform) == ("rigid: turned by 33.00 degrees, shifted by (0.0, 0.0, 0.0) mm")


# --- deformable ---------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_grid_maps_the_registered_frame_into_the_source(tmp_path: Path, syntax: str) -> None:
    """Vector (2, 1, 1) is (112, 56.25, -112), at 2 x 5 mm along the rows and 1 x 4 mm along the columns of
    the grid, 1 x 3 mm along their cross product (0.6, -0.8, 0)."""
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    (found,) = read(make_deformable(order=order), tmp_path, syntax)
    assert (found.from_uid, found.to_uid, found.kind) == (OWN, SOURCE, Kind.DEFORMABLE)
    place = np.array(POSITION_MM) + 10 * np.array([0.8, 0.6, 0]) + 4 * np.array([0, 0, 1])
    place += 3 * np.array([0.6, -0.8, 0])
    x, y, z = place
    # By a quarter turn, the vector, and the shift.
    expected = [-y + 112 + 10, x + 56.25 + 20, z - 112 + 30]
    assert mapped(found, x, y, z) == pytest.approx(expected, abs=1e-5)
    half = place + 2.5 * np.array([0.8, 0.6, 0])
    expected = [-half[1] + 112.5 + 10, half[0] + 56.5 + 20, half[2] - 112.5 + 30]
    assert mapped(found, *half) == pytest.approx(expected, abs=1e-5)
    assert np.isnan(mapped(found, *(place + 6 * np.array([0.8, 0.6, 0])))).all()
    deformed, looked_up = (text.rpartition(f"{SOURCE}: ")[2] for text in found.remarks())
    assert deformed.startswith("not rigid: deformable: 4 x 3 x 2 vectors 5 x 4 x 3 mm apart")
    assert looked_up == "displacements are looked up at the points before the pre-deformation matrix"


def test_vectors_are_a_view_of_the_file(tmp_path: Path) -> None:
    found = only(make_deformable(), tmp_path).transform
    assert isinstance(found, Deformation)
    assert found.grid.vectors_mm.dtype == np.float32
    assert not found.grid.vectors_mm.flags.owndata
    np.testing.assert_array_equal(found.grid.vectors_mm, field())


def test_unknown_vectors_are_kept_as_such(tmp_path: Path) -> None:
    vectors = field()
    vectors[0, 0, 0] = np.nan
    found = only(make_deformable(deformable_item(SOURCE, grid=grid_item(vectors))), tmp_path)
    assert isinstance(found.transform, Deformation)
    assert found.transform.grid.unknown == 1
    assert np.isnan(mapped(found, *POSITION_MM)).all()
    beside = np.array(POSITION_MM) + 5 * np.array([0.8, 0.6, 0])
    assert mapped(found, *beside) == pytest.approx((beside + np.array([1, 0.75, -1])).tolist(), abs=1e-5)


def test_an_item_without_a_grid_is_its_matrices(tmp_path: Path) -> None:
    """Quarter turn, then shift, from the registered frame into the source."""
    dataset = make_deformable(deformable_item(SOURCE, pre=matrix_item(QUARTER), post=matrix_item(SHIFT)))
    found = only(dataset, tmp_path)
    assert isinstance(found.transform, Affine)
    assert (found.from_uid, found.to_uid) == (OWN, SOURCE)
    assert mapped(found, 1, 2, 3) == [8, 21, 33]
    bare = only(make_deformable(deformable_item(SOURCE)), tmp_path)
    assert mapped(bare, 1, 2, 3) == [1, 2, 3]


def test_a_grid_of_zeros_may_register_the_own_frame(tmp_path: Path) -> None:
    dataset = make_deformable(
        deformable_item(OWN, grid=grid_item(0 * field())), deformable_item(SOURCE, grid=grid_item())
    )
    assert [r.to_uid for r in read(dataset, tmp_path)] == [SOURCE]


def test_without_a_sop_class_the_sequence_tells(tmp_path: Path) -> None:
    for dataset, start in ((make_spatial(), SOURCE), (make_deformable(), OWN)):
        content = make.as_bytes(dataset, syntax=str(ImplicitVRLittleEndian), preamble=False)
        del dataset.SOPClassUID
        path = tmp_path / "REG.dcm"
        path.write_bytes(make.as_bytes(dataset, syntax=str(ImplicitVRLittleEndian), preamble=False))
        assert [r.from_uid for r in read_registrations(path)] == [start]
        assert len(content) > path.stat().st_size


# --- faults -------------------------------------------------------------------------------------


def _matrix_of(dataset: Dataset) -> Dataset:
    return dataset.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence[0]


def _matrix(matrix: Matrix, kind: str = "RIGID") -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.RegistrationSequence[1].MatrixRegistrationSequence[0].MatrixSequence = [
            matrix_item(matrix, kind)
        ]

    return change


def _text(text: str) -> Callable[[Dataset], None]:
    return lambda ds: make.set_text(_matrix_of(ds), "FrameOfReferenceTransformationMatrix", text)


def _also(item: Dataset) -> Callable[[Dataset], None]:
    return lambda ds: ds.RegistrationSequence.append(item)


def _last_row() -> Floats:
    matrix = IDENTITY.copy()
    matrix[3, 0] = 0.5
    return matrix


PLACE = "RegistrationSequence item 2, MatrixRegistrationSequence item 1, MatrixSequence item 1, "
AT_MATRIX = PLACE + "FrameOfReferenceTransformationMatrix: "
BAD_SPATIAL: list[tuple[Callable[[Dataset], None], str]] = [
    (lambda ds: delattr(ds, "SOPInstanceUID"), "SOPInstanceUID: expected a value, found none"),
    (lambda ds: delattr(ds, "FrameOfReferenceUID"), "FrameOfReferenceUID: expected a value, found none"),
    (lambda ds: setattr(ds, "Modality", "FID"), "Modality: expected REG, found FID"),
    (
        lambda ds: setattr(ds, "SOPClassUID", make.RT_PLAN),
        f"SOPClassUID: expected {SPATIAL} (Spatial Registration) or {DEFORMABLE} "
        f"(Deformable Spatial Registration), found {make.RT_PLAN}",
    ),
    (
        lambda ds: delattr(ds, "RegistrationSequence"),
        "RegistrationSequence: expected at least one item, found none",
    ),
    (
        lambda ds: setattr(ds, "RegistrationSequence", []),
        "RegistrationSequence: expected at least one item, found an empty value",
    ),
    (
        lambda ds: delattr(ds.RegistrationSequence[1], "FrameOfReferenceUID"),
        "RegistrationSequence item 2, FrameOfReferenceUID: expected a value, found none",
    ),
    (
        lambda ds: delattr(ds.RegistrationSequence[1], "MatrixRegistrationSequence"),
        "RegistrationSequence item 2, MatrixRegistrationSequence: expected at least one item, found none",
    ),
    (
        lambda ds: ds.RegistrationSequence[1].MatrixRegistrationSequence.append(Dataset()),
        "RegistrationSequence item 2, MatrixRegistrationSequence: expected one item, found 2",
    ),
    (
        lambda ds: delattr(ds.RegistrationSequence[1].MatrixRegistrationSequence[0], "MatrixSequence"),
        "MatrixRegistrationSequence item 1, MatrixSequence: expected at least one item, found none",
    ),
    (
        lambda ds: delattr(_matrix_of(ds), "FrameOfReferenceTransformationMatrix"),
        AT_MATRIX + "expected 16 numbers, found none",
    ),
    (_text("1\\0\\0"), AT_MATRIX + "expected 16 numbers, found 3"),
    (_text("\\".join(["1"] * 17)), AT_MATRIX + "expected 16 numbers, found 17"),
    (_text("nan\\" + "\\".join(["1"] * 15)), AT_MATRIX + "expected numbers, found "),
    (_text("1e999" + "\\1" * 15), AT_MATRIX + "expected finite numbers, found too large a number"),
    (
        _matrix(_last_row()),
        AT_MATRIX + "expected a matrix that can be inverted, with last row 0 0 0 1, found [0.5 0.  0.  1. ]",
    ),
    (
        _matrix(np.diag([1.0, 0, 1, 1])),
        AT_MATRIX + "expected a matrix that can be inverted, with last row 0 0 0 1, found singular",
    ),
    (
        lambda ds: delattr(_matrix_of(ds), "FrameOfReferenceTransformationMatrixType"),
        PLACE + "FrameOfReferenceTransformationMatrixType: expected a value, found none",
    ),
    (
        _matrix(SHIFT, "BSPLINE"),
        PLACE + "FrameOfReferenceTransformationMatrixType: expected RIGID, RIGID_SCALE or AFFINE, "
        "found BSPLINE",
    ),
    (
        _matrix(SCALED),
        AT_MATRIX + "expected rotation and shift alone, being RIGID, "
        "found scaled by 1.1000, 1.0000 and 0.9000",
    ),
    (
        _matrix(MIRRORED),
        AT_MATRIX + "expected rotation and shift alone, being RIGID, found mirrored (determinant -1.0000)",
    ),
    (
        _matrix(SHEARED, "RIGID_SCALE"),
        AT_MATRIX + "expected rotation, scaling and shift alone, being RIGID_SCALE, "
        "found sheared (volumes times 1.0000)",
    ),
    (
        _matrix(SCALED @ MIRRORED, "RIGID_SCALE"),
        AT_MATRIX + "expected rotation, scaling and shift alone, being RIGID_SCALE, "
        "found mirrored (determinant -0.9900), scaled",
    ),
    (
        _also(spatial_item(OWN, matrix_item(SHIFT))),
        "RegistrationSequence item 3, FrameOfReferenceUID: expected another frame than the registered "
        "one, or the identity, found the registered frame, moved within itself",
    ),
    (
        _also(spatial_item(SOURCE, matrix_item(QUARTER))),
        "RegistrationSequence item 3, FrameOfReferenceUID: "
        f"expected one registration of frame {SOURCE}, found another that differs",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_SPATIAL)
def test_a_bad_spatial_registration_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[Dataset], None], message: str
) -> None:
    dataset = make_spatial()
    spoil(dataset)
    with pytest.raises(DicomError) as caught:
        read(dataset, tmp_path)
    assert "REG.dcm: " in str(caught.value)
    assert message in str(caught.value)


def _grid_of(dataset: Dataset) -> Dataset:
    return dataset.DeformableRegistrationSequence[1].DeformableRegistrationGridSequence[0]


def _grid(keyword: str, value: Any) -> Callable[[Dataset], None]:
    return lambda ds: setattr(_grid_of(ds), keyword, value)


def _no_grid(keyword: str) -> Callable[[Dataset], None]:
    return lambda ds: delattr(_grid_of(ds), keyword)


def _other_vr(keyword: str, vr: str, value: Any) -> Callable[[Dataset], None]:
    """An element of another kind than the dictionary says, as a broken writer might leave it."""

    def change(dataset: Dataset) -> None:
        tag = _grid_of(dataset)[keyword].tag
        _grid_of(dataset)[tag] = DataElement(Tag(tag), vr, value)

    return change


def _vectors(vectors: npt.NDArray[np.float32]) -> Callable[[Dataset], None]:
    return _grid("VectorGridData", vectors.astype("<f4").tobytes())


def _infinite() -> npt.NDArray[np.float32]:
    vectors = field()
    vectors[1, 2, 3, 0] = -np.inf
    return vectors


GRID = "DeformableRegistrationSequence item 2, DeformableRegistrationGridSequence item 1, "
BAD_DEFORMABLE: list[tuple[Callable[[Dataset], None], str]] = [
    (
        lambda ds: delattr(ds, "DeformableRegistrationSequence"),
        "DeformableRegistrationSequence: expected at least one item, found none",
    ),
    (
        lambda ds: delattr(ds.DeformableRegistrationSequence[1], "SourceFrameOfReferenceUID"),
        "DeformableRegistrationSequence item 2, SourceFrameOfReferenceUID: expected a value, found none",
    ),
    (
        lambda ds: ds.DeformableRegistrationSequence[1].DeformableRegistrationGridSequence.append(Dataset()),
        "item 2, DeformableRegistrationGridSequence: expected one item, found 2",
    ),
    (
        lambda ds: ds.DeformableRegistrationSequence[1].PreDeformationMatrixRegistrationSequence.append(
            matrix_item(SHIFT)
        ),
        "item 2, PreDeformationMatrixRegistrationSequence: expected one item, found 2",
    ),
    (
        lambda ds: setattr(
            ds.DeformableRegistrationSequence[1],
            "PostDeformationMatrixRegistrationSequence",
            [matrix_item(SCALED)],
        ),
        "PostDeformationMatrixRegistrationSequence item 1, FrameOfReferenceTransformationMatrix: "
        "expected rotation and shift alone, being RIGID, found scaled",
    ),
    (_no_grid("ImagePositionPatient"), GRID + "ImagePositionPatient: expected 3 numbers, found none"),
    (_grid("ImagePositionPatient", [1, 2]), GRID + "ImagePositionPatient: expected 3 numbers, found 2"),
    (_no_grid("ImageOrientationPatient"), GRID + "ImageOrientationPatient: expected 6 numbers, found none"),
    (
        _grid("ImageOrientationPatient", [1, 0, 0, 0.1, 1, 0]),
        GRID + "ImageOrientationPatient: expected unit vectors at right angles, found 1\\0\\0\\0.1\\1\\0",
    ),
    (_no_grid("GridDimensions"), GRID + "GridDimensions: expected three numbers, found none"),
    (_grid("GridDimensions", [4, 3]), GRID + "GridDimensions: expected three numbers, found 2"),
    (_grid("GridDimensions", 4), GRID + "GridDimensions: expected three numbers, found 1"),
    (_grid("GridDimensions", None), GRID + "GridDimensions: expected three numbers, found an empty value"),
    (
        _grid("GridDimensions", [4, 0, 2]),
        GRID + "GridDimensions: expected three counts of 1 or more, found 4 x 0 x 2",
    ),
    (
        _grid("GridDimensions", [4, 3, 3]),
        GRID + "VectorGridData: expected 432 bytes for 4 x 3 x 3 vectors (GridDimensions), found 288",
    ),
    (
        _grid("GridDimensions", [2**32 - 1] * 3),
        GRID + f"VectorGridData: expected {12 * (2**32 - 1) ** 3} bytes for 4294967295 x",
    ),
    (
        _other_vr("GridDimensions", "FD", [4.5, 3.0, 2.0]),
        GRID + "GridDimensions: expected three counts of 1 or more, found 4.5 x 3 x 2",
    ),
    (
        _other_vr("GridDimensions", "LO", ["a", "b", "c"]),
        GRID + "GridDimensions: expected three numbers, found bytes that cannot be understood (ValueError)",
    ),
    (_no_grid("GridResolution"), GRID + "GridResolution: expected three numbers, found none"),
    (
        _grid("GridResolution", [5.0, -4.0, 3.0]),
        GRID + "GridResolution: expected three steps above 0 mm, found 5 x -4 x 3",
    ),
    (
        _grid("GridResolution", [5.0, math.inf, 3.0]),
        GRID + "GridResolution: expected three steps above 0 mm, found 5 x inf x 3",
    ),
    (
        _grid("GridResolution", [5.0, math.nan, 3.0]),
        GRID + "GridResolution: expected three steps above 0 mm, found 5 x nan x 3",
    ),
    (_no_grid("VectorGridData"), GRID + "VectorGridData: expected vectors, found none"),
    (_grid("VectorGridData", b""), GRID + "VectorGridData: expected vectors, found an empty value"),
    (
        _grid("VectorGridData", bytes(284)),
        GRID + "VectorGridData: expected 288 bytes for 4 x 3 x 2 vectors (GridDimensions), found 284",
    ),
    (
        _grid("VectorGridData", bytes(292)),
        GRID + "VectorGridData: expected 288 bytes for 4 x 3 x 2 vectors (GridDimensions), found 292",
    ),
    (
        _vectors(_infinite()),
        GRID
        + "VectorGridData: expected finite vectors, or NaN where they are not known, found infinite ones",
    ),
    (
        _vectors(field() * np.float32(np.nan)),
        GRID + "VectorGridData: expected finite vectors, or NaN where they are not known, found NaN alone",
    ),
    (
        lambda ds: ds.DeformableRegistrationSequence.append(deformable_item(OWN, grid=grid_item())),
        "item 3, SourceFrameOfReferenceUID: expected another frame than the registered one, or the "
        "identity, found the registered frame, moved within itself",
    ),
    (
        lambda ds: ds.DeformableRegistrationSequence.append(deformable_item(SOURCE, grid=grid_item())),
        f"item 3, SourceFrameOfReferenceUID: expected one registration of frame {SOURCE}, "
        "found another that differs",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), BAD_DEFORMABLE)
def test_a_bad_deformable_registration_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[Dataset], None], message: str
) -> None:
    dataset = make_deformable()
    spoil(dataset)
    with pytest.raises(DicomError) as caught:
        read(dataset, tmp_path)
    assert "REG.dcm: " in str(caught.value)
    assert message in str(caught.value)


def test_bytes_are_vectors_whatever_their_kind_is_called(tmp_path: Path) -> None:
    """Some systems write OB, and floats one by one (FL) are the same bytes."""
    for kind, value in (("OB", field().tobytes()), ("FL", field().ravel().tolist())):
        dataset = make_deformable()
        _other_vr("VectorGridData", kind, value)(dataset)
        assert len(read(dataset, tmp_path)) == 1
    _other_vr("VectorGridData", "SQ", [Dataset()])(dataset)
    _grid_of(dataset)["VectorGridData"].is_undefined_length = True
    expected = "VectorGridData: expected bytes of 32-bit floats .OF., found values of another kind"
    with pytest.raises(DicomError, match=expected):
        read(dataset, tmp_path)


@pytest.mark.parametrize("syntax", SYNTAXES[:3])
@pytest.mark.parametrize("of", [make_spatial, make_deformable])
def test_a_cut_file_is_never_taken_for_a_whole_one(
    tmp_path: Path, of: Callable[[], Dataset], syntax: str
) -> None:
    content = make.as_bytes(of(), syntax=syntax)
    path = tmp_path / "REG.dcm"
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(DosecalcError, match=r"REG\.dcm: "):
            read_registrations(path)


@pytest.mark.parametrize("of", [make_spatial, make_deformable])
def test_whatever_bytes_are_changed_no_foreign_error_escapes(
    tmp_path: Path, of: Callable[[], Dataset]
) -> None:
    rng = np.random.default_rng(12)
    content = make.as_bytes(of())
    path = tmp_path / "REG.dcm"
    refused = 0
    for _ in range(300):
        spoilt = bytearray(content)
        for at in rng.integers(132, len(content), rng.integers(1, 4)):
            spoilt[at] = rng.integers(0, 256)
        path.write_bytes(bytes(spoilt))
        try:
            found = read_registrations(path)
        except DosecalcError as error:
            refused += 1
            assert "REG.dcm: " in str(error)
            assert "Doe" not in str(error)
        else:
            assert all(isinstance(r, Registration) for r in found)
    assert refused > 50


def test_lengths_that_lie_are_refused(tmp_path: Path) -> None:
    """Explicit lengths of GridDimensions (UL) that are no multiple of four."""
    content = make.as_bytes(make_deformable())
    tag = b"\x64\x00\x07\x00UL"
    at = content.index(tag)
    spoilt = content[: at + 6] + struct.pack("<H", 10) + content[at + 8 :]
    (tmp_path / "REG.dcm").write_bytes(spoilt)
    with pytest.raises(DosecalcError, match=r"REG\.dcm: "):
        read_registrations(tmp_path / "REG.dcm")
