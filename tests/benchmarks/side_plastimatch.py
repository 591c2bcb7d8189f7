"""The plastimatch command on a case: its DVHs of every dose in every structure.

``python side_plastimatch.py FOLDER`` runs ``plastimatch dvh`` on each dose, and prints the time of the
commands and their values as JSON. With ``--shared`` the structures are rasterised once, on the grid of the
first dose, and used for all doses: faster, coarser, and nested holes are filled (on plastimatch 1.9.4).
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import measuring
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BIN_GY, BINS = 0.05, 1400
HISTOGRAM = ("--bin-width", str(BIN_GY), "--num-bins", str(BINS), "--normalization", "vox")
PERCENTS = (99, 95, 5, 1)
SMALL_CM3 = 0.03


def run(*arguments: str | Path) -> str:
    """One plastimatch command; what it said."""
    done = subprocess.run(["plastimatch", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"plastimatch {arguments[0]}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def one_by_one(folder: Path, doses: list[Path], scratch: Path) -> list[tuple[str, Path]]:
    """``plastimatch dvh`` on a folder for each dose that holds the structure set and the dose."""
    found = []
    for number, dose in enumerate(doses):
        own = scratch / f"input_{number}"
        own.mkdir()
        (own / dose.name).symlink_to(dose.resolve())
        (own / "RS.dcm").symlink_to((folder / "RS.dcm").resolve())
        output = scratch / f"dvh_{number}.csv"
        found.append((run("dvh", "--input", own, "--output-csv", output, *HISTOGRAM), output))
    return found


def shared(folder: Path, doses: list[Path], scratch: Path) -> list[tuple[str, Path]]:
    """One ``plastimatch convert`` of the structures, then ``plastimatch dvh`` for each dose."""
    image, names, grid = scratch / "structures.mha", scratch / "structures.txt", scratch / "dose.mha"
    run("convert", "--input", doses[0], "--output-dose-img", grid)
    structures = ("--output-ss-img", image, "--output-ss-list", names)
    run("convert", "--input", folder / "RS.dcm", "--fixed", grid, *structures)
    found = []
    for number, dose in enumerate(doses):
        output = scratch / f"dvh_{number}.csv"
        inputs = ("--input-ss-img", image, "--input-ss-list", names, "--input-dose", dose)
        found.append((run("dvh", *inputs, "--output-csv", output, *HISTOGRAM), output))
    return found


def voxel_cm3(said: str) -> float:
    """The size of the voxels that were counted, as the command prints it after resampling."""
    sizes = re.findall(r"^([\d.]+) ([\d.]+) ([\d.]+)$", said, flags=re.MULTILINE)
    return float(np.prod([float(v) for v in sizes[-1]])) / 1000


def read_dvh(path: Path, voxel: float) -> tuple[Floats, Mapping[str, Floats]]:
    """Doses in Gy, and by structure the volume in cm3 that has at least each."""
    with path.open(newline="", encoding="utf-8") as lines:
        header, *rows = list(csv.reader(lines))
    table = np.array([[float(v) for v in row[: len(header)]] for row in rows])
    # A bin is centred on its multiple of the width: the row of 2 Gy counts all from 1.975 Gy on.
    return np.maximum(table[:, 0] - BIN_GY / 2, 0), {
        name: table[:, k] * voxel for k, name in enumerate(header) if k
    }


def values(dose_gy: Floats, volume_cm3: Floats) -> Mapping[str, float]:
    """The metrics of one curve, linear between the steps of the histogram."""
    whole = volume_cm3[0]

    def dose_of(cm3: float) -> float:
        return float(np.interp(cm3, volume_cm3[::-1], dose_gy[::-1]))

    found = {"Mean": float(np.trapezoid(volume_cm3 / whole, dose_gy))}
    found |= {f"D{percent}%": dose_of(whole * percent / 100) for percent in PERCENTS}
    if whole >= SMALL_CM3:
        found[f"D{SMALL_CM3}cc"] = dose_of(SMALL_CM3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shared", action="store_true")
    arguments = parser.parse_args()
    doses = sorted(arguments.folder.glob("RD_*.dcm"))
    way = shared if arguments.shared else one_by_one
    with tempfile.TemporaryDirectory() as scratch:
        start = perf_counter()
        made = way(arguments.folder, doses, Path(scratch))
        seconds = perf_counter() - start
        structures: dict[str, dict[str, Any]] = {}
        for said, path in made:
            dose_gy, curves = read_dvh(path, voxel_cm3(said))
            for name, volume_cm3 in curves.items():
                of_structure = structures.setdefault(name, {"curves": []})
                of_structure["volume_cm3"] = float(volume_cm3[0])
                of_structure["curves"].append(values(dose_gy, volume_cm3))
    measuring.report(
        {"seconds": seconds, "with_imports": seconds, "memory_bytes": None, "structures": structures}
    )


if __name__ == "__main__":
    main()
