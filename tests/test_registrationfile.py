"""Matrices and displacements from text, .npy and .npz files, and every fault by name."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dosecalc.errors import InputError
from dosecalc.registrationfile import read_deformation, read_matrix
from dosecalc.transforms import apply

MATRIX = np.array([[0.0, -1, 0, 10], [1, 0, 0, -2.5], [0, 0, 1, 3], [0, 0, 0, 1]])
GRID: dict[str, Any] = {
    "origin_xyz_mm": [0.0, 0, 0],
    "resolution_mm": [3.0, 4, 5],
    "vectors_mm": np.full((2, 3, 4, 3), 1.5, dtype=np.float32),
}


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def bare_zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"0 -1 0 10\n1 0 0 -2.5\n0 0 1 3\n0 0 0 1\n",
        b"# from the planning system\r\n0,-1,0,10\r\n1, 0, 0, -2.5 # mm\r\n0;0;1;3\r\n0;0;0;1",
        "\ufeff[[0, -1, 0, 1e1], [1, 0, 0, -2.5], [0, 0, 1, 3.0], [0, 0, 0, 1]]".encode(),
        npy(MATRIX),
        npy(MATRIX.ravel()),
        npy(MATRIX.astype(">f8")),
    ],
)
def test_a_matrix_in_any_form(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "moved"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_matrix(path).matrix, MATRIX)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected 16 numbers, found 0$"),
        (b"1 0 0 0", "expected 16 numbers, found 4$"),
        (b"1 " * 17, "expected 16 numbers, found 17$"),
        (b"one " * 16, "expected 16 numbers, found other text$"),
        (b"\xff\xfe1 0", "expected 16 numbers, found other text$"),
        (b"nan " * 16, "registration matrix: expected 4x4 finite numbers, found"),
        (b"1 0 0 0 0 1 0 0 0 0 1 0 1 0 0 1", "expected last row 0 0 0 1, found"),
        (b"1 0 0 0 0 1 0 0 0 0 0 0 0 0 0 1", "expected one that can be inverted, found singular"),
        (npy(np.eye(3)), "expected 16 numbers, found 9$"),
        (npy(MATRIX)[:-8], "expected an array of numbers, found"),
        (npy(np.array([{}] * 16, dtype=object), allow_pickle=True), "expected an array of numbers, found"),
        (npy(np.array(["a"] * 16)), "moved.npy: could not convert string to float"),
        (b" " * 70_000, "expected at most 65536 bytes, found 70000"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "moved.npy"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_matrix(path)
    assert str(caught.value).startswith(f"{path.as_posix()}: ")


def test_displacements_with_all_that_may_be_said(tmp_path: Path) -> None:
    directions = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    post = np.diag([2.0, 2, 2, 1])
    (tmp_path / "moved.npz").write_bytes(npz(**GRID, directions=directions, pre=MATRIX, post=post))
    found = read_deformation(tmp_path / "moved.npz")
    np.testing.assert_array_equal(found.grid.directions, directions)
    assert found.grid.vectors_mm.dtype == np.float32
    # (-1, 2, 3) is turned to (8, -3.5, 6), displaced by 1.5 each and doubled.
    np.testing.assert_allclose(apply(found, np.array([[-1.0, 2, 3]])), [[19, -4, 15]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"expected arrays saved by numpy \(\.npz\), found another file"),
        (npy(MATRIX), r"expected arrays saved by numpy \(\.npz\), found another file"),
        (npz(**GRID)[:-40], "expected a whole .npz file, found"),
        (
            npz(**{key: GRID[key] for key in ("origin_xyz_mm", "vectors_mm")}),
            "expected arrays origin_xyz_mm, resolution_mm, vectors_mm and, if wanted, directions, pre, post, "
            "found origin_xyz_mm, vectors_mm$",
        ),
        (npz(**GRID, spacing=[1, 1, 1]), "found origin_xyz_mm, resolution_mm, spacing, vectors_mm$"),
        (npz(), "found none$"),
        (npz(**{**GRID, "resolution_mm": [3, 0, 1]}), "displacement grid: resolution_mm: expected steps"),
        (npz(**{**GRID, "resolution_mm": ["a", "b", "c"]}), "could not convert string to float"),
        (npz(**GRID, pre=np.eye(3)), "registration matrix: expected 4x4 finite numbers"),
        (bare_zip(vectors_mm=b"no array"), r"expected an array saved by numpy \(\.npy\), found another file"),
        (bare_zip(vectors_mm=npy(MATRIX)[:-8]), "expected an array of numbers, found"),
    ],
)
def test_what_is_no_deformation_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "moved.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_deformation(path)
    assert str(caught.value).startswith(f"{path.as_posix()}: ")


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{**GRID, "vectors_mm": np.zeros((20, 20, 20, 3))})
    (tmp_path / "moved.npz").write_bytes(buffer.getvalue())
    monkeypatch.setattr("dosecalc.registrationfile._MOST_BYTES_OF_A_GRID", 100_000)
    with pytest.raises(InputError, match="expected at most 100000 bytes, found 192"):
        read_deformation(tmp_path / "moved.npz")


def test_bytes_changed_at_random_raise_nothing_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    content = npz(**GRID)
    for _ in range(200):
        spoilt = bytearray(content)
        spoilt[rng.integers(4, len(content))] = rng.integers(0, 256)
        (tmp_path / "moved.npz").write_bytes(bytes(spoilt))
        try:
            read_deformation(tmp_path / "moved.npz")
        except InputError as error:
            assert "moved.npz: " in str(error)


@pytest.mark.parametrize("read", [read_matrix, read_deformation])
def test_files_that_are_not_there(tmp_path: Path, read: Any) -> None:
    with pytest.raises(InputError, match=r"nowhere: expected a file, found nothing of that name$"):
        read(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"expected a file, found something else$"):
        read(tmp_path)
