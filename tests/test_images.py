"""CT series: where their voxels lie, for exports; nothing rests on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dicom_files as make
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from redefine_files import save_redefine

from dosecalc import cli
from dosecalc.dicom import read_folder
from dosecalc.images import ImageSlice, stacked
from dosecalc.lattices import Lattice

Z_MM = (2.0, 5.0, 9.0, 12.0)


def ct_slice(
    number: int,
    z_mm: float,
    *,
    corner_xy_mm: Sequence[float] = (-10.0, -12.0),
    frame_uid: str = make.FRAME_UID,
    rows_columns: tuple[int, int] = (9, 11),
) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.826.0.1.77.{number}"
    dataset.Modality, dataset.PatientID, dataset.PatientName = "CT", "P-1", "Doe^Jane"
    dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = "1.2.826.0.1.70", frame_uid
    dataset.ImagePositionPatient = [*corner_xy_mm, z_mm]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, (dataset.Rows, dataset.Columns) = [2.5, 2.0], rows_columns
    return dataset


def series(folder: Path, z_mm: Sequence[float] = Z_MM, **fields: object) -> Path:
    for number, z in enumerate(z_mm):
        make.save(ct_slice(number, z, **fields), folder / f"CT{len(z_mm) - number}.dcm")  # type: ignore[arg-type]
    return folder


class TestFolder:
    def test_a_series_is_one_grid(self, tmp_path: Path) -> None:
        case = read_folder(series(make.save_case(tmp_path)))
        (found,) = case.images
        assert (found.uid, found.frame_uid, found.source) == ("1.2.826.0.1.70", make.FRAME_UID, "CT1.dcm")
        assert found.lattice.z_mm.tolist() == list(Z_MM)
        assert found.lattice.x_mm.tolist() == [-10 + 2.0 * k for k in range(11)]
        assert found.lattice.y_mm.tolist() == [-12 + 2.5 * k for k in range(9)]
        assert all(f.used for f in case.inputs)
        assert case.problems == ()

    def test_what_cannot_be_used_leaves_nothing_missing(self, tmp_path: Path) -> None:
        oblique, nowhere = ct_slice(1, 0.0), ct_slice(2, 3.0)
        oblique.ImageOrientationPatient = [0.8, 0.6, 0, -0.6, 0.8, 0]
        del nowhere.ImagePositionPatient
        make.save_case(tmp_path)
        for name, dataset in (("a", oblique), ("b", nowhere)):
            make.save(dataset, tmp_path / f"{name}.dcm")
        case = read_folder(tmp_path)
        unused = {f.path: f for f in case.inputs if not f.used}
        assert set(unused) == {"a.dcm", "b.dcm"}
        assert not any(f.lost for f in unused.values())
        assert "ImagePositionPatient" in unused["b.dcm"].reason

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"frame_uid": "1.2.9"}, "expected one frame of reference, found several"),
            (
                {"corner_xy_mm": (-11.0, -12.0)},
                "slices of one size and place, found another in CTx.dcm",
            ),
            ({"rows_columns": (8, 11)}, "expected slices of one size and place"),
            ({}, "expected each slice at a place of its own"),
        ],
    )
    def test_slices_that_make_no_grid(self, tmp_path: Path, fields: dict[str, object], words: str) -> None:
        series(make.save_case(tmp_path))
        make.save(ct_slice(50, 5.0 if not fields else 15.0, **fields), tmp_path / "CTx.dcm")  # type: ignore[arg-type]
        case = read_folder(tmp_path)
        assert case.images == ()
        (problem,) = case.problems
        assert words in problem
        assert problem.endswith("its grid is not used")


def test_two_series_are_two_grids() -> None:
    axis = np.arange(3.0)
    slices = [
        ImageSlice(series_uid=uid, frame_uid="1", lattice=Lattice(x_mm=axis, y_mm=axis, z_mm=np.array([z])))
        for uid in ("b", "a")
        for z in (4.0, 1.0)
    ]
    found, problems = stacked(slices)
    assert [(g.uid, g.lattice.z_mm.tolist()) for g in found] == [("b", [1.0, 4.0]), ("a", [1.0, 4.0])]
    assert problems == ()


class TestExport:
    def test_on_the_grid_of_the_ct(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Where all doses reach: a CT of 11 x 9 x 4 voxels in the middle of the patient."""
        folder = save_redefine(tmp_path / "case")
        dose = pydicom.dcmread(folder / "RD_definitive.dcm", stop_before_pixels=True)
        x, y, z = (float(v) for v in dose.ImagePositionPatient)
        series(
            folder,
            [z + 20.0 + k for k in Z_MM],
            corner_xy_mm=(x + 20.0, y + 10.0),
            frame_uid=str(dose.FrameOfReferenceUID),
        )
        for path in folder.glob("CT*.dcm"):
            image = pydicom.dcmread(path, force=True)
            image.PatientID, image.PatientName = dose.PatientID, dose.PatientName
            image.save_as(path)
        out = tmp_path / "out"
        arguments = [
            "export",
            str(folder),
            "--out",
            str(out),
            "--grid",
            "ct",
            "--alpha-beta",
            "3",
            "--incomplete",
        ]
        assert cli.main(arguments) == 0, capsys.readouterr().err
        assert "Grid of CT1.dcm: 11 x 9 x 4 voxels" in capsys.readouterr().out
        (written,) = out.glob("*.dcm")
        made = pydicom.dcmread(written)
        assert (made.Columns, made.Rows, int(made.NumberOfFrames)) == (11, 9, 4)
        assert [float(o) for o in made.GridFrameOffsetVector] == [0.0, 3.0, 7.0, 10.0]

    def test_without_one(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        folder = save_redefine(tmp_path / "case")
        arguments = ["export", str(folder), "--out", str(tmp_path / "out"), "--grid", "ct", "--incomplete"]
        assert cli.main(arguments) == 2
        assert "grid: expected one CT series in the frame of the last structures, found none" in (
            capsys.readouterr().err
        )
