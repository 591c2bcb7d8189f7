"""Spatial Registration and Deformable Spatial Registration: maps between frames of reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.datadict import tag_for_keyword
from pydicom.multival import MultiValue

from dosecalc.dicom.attributes import Item, check_kind, top
from dosecalc.dicom.files import DicomFile, open_dicom, read_bytes, reading
from dosecalc.errors import FrameError
from dosecalc.registrations import Kind, Registration
from dosecalc.transforms import (
    Affine,
    Deformation,
    Transform,
    VectorGrid,
    chained,
    same,
    scaling_factors,
    unrigid,
)

SPATIAL = "1.2.840.10008.5.1.4.1.1.66.1"
DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.3"
SOP_CLASSES = {SPATIAL: "Spatial Registration", DEFORMABLE: "Deformable Spatial Registration"}

_MATRIX, _TYPE = "FrameOfReferenceTransformationMatrix", "FrameOfReferenceTransformationMatrixType"
_MATRIX_KINDS = (Kind.RIGID, Kind.RIGID_SCALE, Kind.AFFINE)
"""From the narrowest to the widest: several matrices in a row are as wide as the widest of them."""
_BYTES_OF_A_VECTOR = 12
_ORIENTATION_TOLERANCE = 1e-4
"""How far direction cosines may be from orthonormal: 0.05 mm at the end of a 500 mm grid."""
_UNMOVED = Affine(matrix=np.eye(4))


def read_registrations(path: Path | str) -> tuple[Registration, ...]:
    """A Spatial Registration or Deformable Spatial Registration file.

    Parameters
    ----------
    path : the file; its name and its transfer syntax do not matter

    Returns
    -------
    what the file says of pairs of frames of reference, one for each pair; none where it registers its own
    frame alone. Spatial registrations map their sources into the registered frame, which is the file's
    own; deformable ones map the registered frame into their sources (PS3.3 C.20.2 and C.20.3).

    Raises
    ------
    InputError : if there is no such file, or it is not DICOM.
    DicomError : if it is no registration, inconsistent or broken.

    Examples
    --------
    >>> read_registrations("nowhere.dcm")
    Traceback (most recent call last):
    dosecalc.errors.InputError: nowhere.dcm: expected a file, found nothing of that name
    """
    name = Path(path).as_posix()
    return registrations_of(open_dicom(read_bytes(Path(path), name), name))


def registrations_of(file: DicomFile) -> tuple[Registration, ...]:
    """The registrations of an opened file."""
    item = top(file)
    check_kind(item, "REG", SOP_CLASSES)
    uid, own = item.required_code("SOPInstanceUID"), item.required_code("FrameOfReferenceUID")
    if _is_deformable(item):
        parts = _items(item, "DeformableRegistrationSequence")
        found = _by_source(
            parts, "SourceFrameOfReferenceUID", own, lambda part: _deformable(part, file.big_endian)
        )
    else:
        found = _by_source(_items(item, "RegistrationSequence"), "FrameOfReferenceUID", own, _spatial)
    return tuple(
        Registration(
            from_uid=own if _is_deformable(item) else source,
            to_uid=source if _is_deformable(item) else own,
            transform=stated.transform,
            uid=uid,
            source=file.name,
            kind=stated.kind,
            notes=stated.notes,
        )
        for source, stated in found.items()
    )


def _is_deformable(item: Item) -> bool:
    sop_class = item.code("SOPClassUID")
    return sop_class == DEFORMABLE or (not sop_class and item.has("DeformableRegistrationSequence"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stated:
    """What one item of a file says."""

    transform: Transform
    kind: Kind
    notes: tuple[str, ...] = ()


def _by_source(
    parts: Sequence[Item], keyword: str, own_uid: str, read: Callable[[Item], _Stated]
) -> dict[str, _Stated]:
    """What the items say of each other frame than the file's own, to which they may say identity only."""
    found: dict[str, _Stated] = {}
    for part in parts:
        source, stated = part.required_code(keyword), read(part)
        if source == own_uid:
            if not _is_identity(stated.transform):
                raise part.error(
                    keyword,
                    expected="another frame than the registered one, or the identity",
                    found="the registered frame, moved within itself",
                )
        elif source not in found:
            found[source] = stated
        elif not same(found[source].transform, stated.transform):
            expected = f"one registration of frame {source}"
            raise part.error(keyword, expected=expected, found="another that differs")
    return found


def _is_identity(transform: Transform) -> bool:
    if isinstance(transform, Deformation):
        matrices = chained([transform.pre, transform.post])
        return transform.grid.largest_mm == 0 and same(matrices, _UNMOVED)
    return same(transform, _UNMOVED)


def _spatial(item: Item) -> _Stated:
    """Source to registered frame: all matrices of an item, the first acts first."""
    matrices = [_matrix(part) for part in _items(_one(item, "MatrixRegistrationSequence"), "MatrixSequence")]
    # PS3.3 equation C.20.2-2 multiplies the point by the first item's matrix, then by the second's.
    transform = chained(matrix for matrix, _ in matrices)
    backwards = chained(matrix for matrix, _ in reversed(matrices))
    kind = max((kind for _, kind in matrices), key=_MATRIX_KINDS.index)
    notes = () if same(transform, backwards) else (f"{len(matrices)} matrices, the first applied first",)
    return _Stated(transform=transform, kind=kind, notes=notes)


def _deformable(item: Item, big_endian: bool) -> _Stated:
    """Registered frame to source."""
    pre, post = (
        _matrix(_one(item, keyword))[0] if item.items(keyword) else _UNMOVED
        for keyword in (
            "PreDeformationMatrixRegistrationSequence",
            "PostDeformationMatrixRegistrationSequence",
        )
    )
    keyword = "DeformableRegistrationGridSequence"
    if not item.items(keyword):
        return _Stated(transform=chained([pre, post]), kind=Kind.DEFORMABLE)
    grid = _grid(_one(item, keyword), big_endian)
    # With a matrix before them it matters where displacements are looked up, and not all systems agree.
    looked_up = "displacements are looked up at the points before the pre-deformation matrix"
    notes = () if same(pre, _UNMOVED) else (looked_up,)
    return _Stated(transform=Deformation(pre=pre, grid=grid, post=post), kind=Kind.DEFORMABLE, notes=notes)


def _matrix(item: Item) -> tuple[Affine, Kind]:
    """A matrix that is what its type says."""
    matrix = np.array(item.required_floats(_MATRIX, 16)).reshape(4, 4)
    stated = item.required_code(_TYPE)
    kind = next((kind for kind in _MATRIX_KINDS if kind.value == stated), None)
    if kind is None:
        raise item.error(_TYPE, expected="RIGID, RIGID_SCALE or AFFINE", found=stated)
    try:
        affine = Affine(matrix=matrix)
    except FrameError as error:
        _, _, found = str(error).partition(", found ")
        expected = "a matrix that can be inverted, with last row 0 0 0 1"
        raise item.error(_MATRIX, expected=expected, found=found) from None
    reasons = unrigid(affine)
    if kind is Kind.RIGID and reasons:
        raise item.error(_MATRIX, expected="rotation and shift alone, being RIGID", found=", ".join(reasons))
    mirrored = np.linalg.det(affine.linear) < 0
    if kind is Kind.RIGID_SCALE and (mirrored or scaling_factors(affine.linear) is None):
        expected = "rotation, scaling and shift alone, being RIGID_SCALE"
        raise item.error(_MATRIX, expected=expected, found=", ".join(reasons))
    return affine, kind


def _grid(item: Item, big_endian: bool) -> VectorGrid:
    position_xyz_mm = item.required_floats("ImagePositionPatient", 3)
    cosines = np.array(item.required_floats("ImageOrientationPatient", 6)).reshape(2, 3)
    if np.abs(cosines @ cosines.T - np.eye(2)).max() > _ORIENTATION_TOLERANCE:
        found = "\\".join(f"{cosine:g}" for cosine in cosines.ravel())
        raise item.error("ImageOrientationPatient", expected="unit vectors at right angles", found=found)
    counts = _numbers(item, "GridDimensions")
    if not all(count >= 1 and count.is_integer() for count in counts):
        found = " x ".join(f"{count:g}" for count in counts)
        raise item.error("GridDimensions", expected="three counts of 1 or more", found=found)
    resolution_mm = _numbers(item, "GridResolution")
    if not all(step > 0 and math.isfinite(step) for step in resolution_mm):
        found = " x ".join(f"{step:g}" for step in resolution_mm)
        raise item.error("GridResolution", expected="three steps above 0 mm", found=found)
    vectors_mm = _vectors(item, [int(count) for count in counts], big_endian)
    try:
        return VectorGrid(
            origin_xyz_mm=np.array(position_xyz_mm),
            resolution_mm=np.array(resolution_mm),
            vectors_mm=vectors_mm,
            directions=np.array([*cosines, np.cross(*cosines)]),
        )
    except FrameError as error:  # what is left: infinite vectors, or none that is known
        _, _, found = str(error).partition(", found ")
        expected = "finite vectors, or NaN where they are not known"
        raise item.error("VectorGridData", expected=expected, found=found) from None


def _vectors(item: Item, counts: Sequence[int], big_endian: bool) -> npt.NDArray[np.float32]:
    """Vectors in the shape (nz, ny, nx, 3): a view of the bytes of the element, not a copy."""
    keyword = "VectorGridData"
    tag = tag_for_keyword(keyword)
    assert tag is not None
    element = item.dataset.get_item(tag, keep_deferred=True)
    value = None if element is None else element.value
    if value is None or not len(value):
        raise item.error(keyword, expected="vectors", found=item.nothing(keyword))
    if not isinstance(value, bytes):
        raise item.error(keyword, expected="bytes of 32-bit floats (OF)", found="values of another kind")
    # Whole numbers of any size: no product of dimensions, however large, runs over.
    expected_bytes = math.prod(counts) * _BYTES_OF_A_VECTOR
    if len(value) != expected_bytes:
        size = " x ".join(map(str, counts))
        expected = f"{expected_bytes} bytes for {size} vectors (GridDimensions)"
        raise item.error(keyword, expected=expected, found=str(len(value)))
    found = np.frombuffer(value, dtype=">f4" if big_endian else "<f4")
    return found.astype(np.float32, copy=False).reshape(*counts[::-1], 3)


def _numbers(item: Item, keyword: str) -> tuple[float, ...]:
    """Three numbers of a binary attribute."""
    with reading(item.name, item.attribute(keyword), "three numbers"):
        value = item.dataset.get(keyword)
        several = isinstance(value, MultiValue | list)
        values = [] if value is None or value == "" else list(value) if several else [value]
        if len(values) != 3:
            found = str(len(values)) if values else item.nothing(keyword)
            raise item.error(keyword, expected="three numbers", found=found)
        return tuple(float(number) for number in values)


def _items(item: Item, keyword: str) -> tuple[Item, ...]:
    items = item.items(keyword)
    if not items:
        raise item.error(keyword, expected="at least one item", found=item.nothing(keyword))
    return items


def _one(item: Item, keyword: str) -> Item:
    items = _items(item, keyword)
    if len(items) > 1:
        raise item.error(keyword, expected="one item", found=str(len(items)))
    return items[0]
