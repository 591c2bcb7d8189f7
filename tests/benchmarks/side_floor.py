"""The read floor: the least that reading a case's files can take, contours and doses as numbers.

``python side_floor.py FOLDER`` prints its times as JSON. Knows nothing of dosecalc.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import measuring
import numpy as np
import numpy.typing as npt
import pydicom

CONTOUR_DATA, PIXEL_DATA = 0x30060050, 0x7FE00010


def contours_xyz_mm(structure_set: pydicom.Dataset) -> list[npt.NDArray[np.float64]]:
    """All contours of a structure set, from the raw bytes of their numbers."""
    return [
        np.array(contour.get_item(CONTOUR_DATA).value.split(b"\\"), dtype=np.float64).reshape(-1, 3)
        for roi in structure_set.ROIContourSequence
        for contour in roi.ContourSequence
    ]


def dose_gy(dose: pydicom.Dataset) -> npt.NDArray[np.float32]:
    """The pixels of a dose in Gy, ``[z, y, x]``."""
    stored = np.frombuffer(dose.get_item(PIXEL_DATA).value, dtype=f"<u{dose.BitsAllocated // 8}")
    shape = int(dose.NumberOfFrames), dose.Rows, dose.Columns
    return np.asarray(stored.reshape(shape) * np.float32(dose.DoseGridScaling), dtype=np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    before = measuring.memory_bytes()
    start = perf_counter()
    read = {path.name: pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))}
    files = perf_counter()
    loops = [c for ds in read.values() if ds.Modality == "RTSTRUCT" for c in contours_xyz_mm(ds)]
    contoured = perf_counter()
    grids = [dose_gy(ds) for ds in read.values() if ds.Modality == "RTDOSE"]
    end = perf_counter()
    measuring.report(
        {
            "seconds": end - start,
            "parts": {"files": files - start, "contours": contoured - files, "doses": end - contoured},
            "memory_bytes": measuring.peak_bytes() - before,
            "points": sum(map(len, loops)),
            "voxels": sum(grid.size for grid in grids),
        }
    )


if __name__ == "__main__":
    main()
