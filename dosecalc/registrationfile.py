"""Matrices and displacement grids from files that are no DICOM: text, .npy and .npz."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dosecalc.errors import FrameError, InputError
from dosecalc.transforms import Affine, Deformation, VectorGrid

_NPY_BEGINS = b"\x93NUMPY"
_ZIP_BEGINS = b"PK"
_MOST_BYTES_OF_A_MATRIX = 65_536
_MOST_BYTES_OF_A_GRID = 4 << 30
"""No grid of displacements is larger; a file that unpacks to more is none."""
_GRID = ("origin_xyz_mm", "resolution_mm", "vectors_mm")
_OPTIONAL = ("directions", "pre", "post")


def read_matrix(path: Path | str) -> Affine:
    """A 4x4 matrix from a text file, row by row, or from a ``.npy`` file.

    Text may separate its 16 numbers by blanks, commas or semicolons, and put them in brackets; what
    follows a ``#`` on a line is a comment.

    Raises
    ------
    InputError : if there is no such file, it is not 16 numbers, or they are no matrix of a registration.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "moved.txt"
    ...     _ = path.write_text("1 0 0 10  # mm\\n0 1 0 0\\n0 0 1 -2.5\\n0 0 0 1\\n")
    ...     read_matrix(path).shift_xyz_mm.tolist()
    [10.0, 0.0, -2.5]
    """
    name = Path(path).as_posix()
    content = _read(path, name, _MOST_BYTES_OF_A_MATRIX)
    numbers = _array(content, name) if content.startswith(_NPY_BEGINS) else _numbers(content, name)
    if numbers.size != 16:
        raise InputError(f"{name}: expected 16 numbers, found {numbers.size}")
    try:
        return Affine(matrix=numbers.reshape(4, 4).astype(np.float64))
    except (FrameError, TypeError, ValueError) as error:
        raise InputError(f"{name}: {_one_line(error)}") from error


def read_deformation(path: Path | str) -> Deformation:
    """Displacements from a ``.npz`` file.

    It holds the arrays ``origin_xyz_mm`` (3), ``resolution_mm`` (3) and ``vectors_mm`` (n2, n1, n0, 3) and,
    where they are wanted, ``directions`` (3, 3), ``pre`` and ``post`` (4, 4): see
    :class:`dosecalc.transforms.VectorGrid` and :class:`dosecalc.transforms.Deformation`.

    Raises
    ------
    InputError : if there is no such file, or what it holds is none of a deformation.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "moved.npz"
    ...     vectors = np.full((2, 2, 2, 3), 1.5, dtype=np.float32)
    ...     np.savez(path, origin_xyz_mm=[0, 0, 0], resolution_mm=[3, 3, 2.5], vectors_mm=vectors)
    ...     read_deformation(path).grid.counts.tolist()
    [2, 2, 2]
    """
    name = Path(path).as_posix()
    content = _read(path, name, _MOST_BYTES_OF_A_GRID)
    if not content.startswith(_ZIP_BEGINS):
        raise InputError(f"{name}: expected arrays saved by numpy (.npz), found another file")
    arrays = _arrays(content, name)
    missing = [key for key in _GRID if key not in arrays]
    unknown = sorted(set(arrays) - {*_GRID, *_OPTIONAL})
    if missing or unknown:
        found = ", ".join(sorted(arrays)) or "none"
        expected = f"arrays {', '.join(_GRID)} and, if wanted, {', '.join(_OPTIONAL)}"
        raise InputError(f"{name}: expected {expected}, found {found}")
    matrices = {key: arrays.pop(key) for key in ("pre", "post") if key in arrays}
    try:
        given: dict[str, Any] = arrays
        matrix: dict[str, Any] = {key: Affine(matrix=array) for key, array in matrices.items()}
        return Deformation(grid=VectorGrid(**given), **matrix)
    except (FrameError, TypeError, ValueError) as error:
        raise InputError(f"{name}: {_one_line(error)}") from error


def _read(path: Path | str, name: str, most_bytes: int) -> bytes:
    try:
        if not Path(path).is_file():
            what = "something else" if Path(path).exists() else "nothing of that name"
            raise InputError(f"{name}: expected a file, found {what}")
        size = Path(path).stat().st_size
        if size > most_bytes:
            raise InputError(f"{name}: expected at most {most_bytes} bytes, found {size}")
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{name}: expected a readable file, found {error.strerror or 'an error'}") from error


def _numbers(content: bytes, name: str) -> npt.NDArray[np.float64]:
    try:
        text = re.sub(r"#.*", "", content.decode("utf-8-sig"))
        return np.array([float(part) for part in re.split(r"[\s,;\[\]()]+", text) if part])
    except ValueError as error:  # what is no text is one, too
        raise InputError(f"{name}: expected 16 numbers, found other text") from error


@contextmanager
def _understanding(name: str, expected: str) -> Iterator[None]:
    """Whatever numpy, zipfile or zlib raise over a broken file, as an error that names it."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{name}: expected {expected}, found {_one_line(error)}") from error


def _array(content: bytes, name: str) -> npt.NDArray[Any]:
    """One array as numpy saves it; no objects, which could run code."""
    with _understanding(name, "an array of numbers"):
        if not content.startswith(_NPY_BEGINS):
            raise InputError(f"{name}: expected an array saved by numpy (.npy), found another file")
        return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def _arrays(content: bytes, name: str) -> dict[str, npt.NDArray[Any]]:
    with _understanding(name, "a whole .npz file"), zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(info.file_size for info in archive.infolist())
        if size > _MOST_BYTES_OF_A_GRID:
            raise InputError(f"{name}: expected at most {_MOST_BYTES_OF_A_GRID} bytes, found {size}")
        return {
            info.filename.removesuffix(".npy"): _array(archive.read(info), name)
            for info in archive.infolist()
        }


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
