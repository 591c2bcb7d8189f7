"""The benchmark can be run: its case is what it says, and its one command works on a small one."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def clinical_case(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("clinical_case")


def test_the_clinical_case_has_the_stated_size(clinical_case: ModuleType) -> None:
    found = clinical_case.regions(clinical_case.CLINICAL.points)
    assert len(found) == len({r.name for r in found}) == len({r.number for r in found}) == 34
    assert sum(r.points for r in found) == 274_864
    loops = [loop for r in found for loop in r.loops_xyz_mm]
    assert min(map(len, loops)) >= 8
    assert all(np.ptp(loop[:, 2]) == 0 for loop in loops)
    grids = clinical_case.CLINICAL.grids, clinical_case.LARGE.grids
    assert [[g.columns_rows_frames for g in of_case] for of_case in grids] == [
        [(220, 160, 150), (220, 160, 150)],
        [(220, 160, 150), (512, 512, 200)],
    ]


def test_the_case_is_the_same_every_time(clinical_case: ModuleType, tmp_path: Path) -> None:
    files = [clinical_case.write(clinical_case.QUICK, tmp_path / name) for name in ("first", "second")]
    first, second = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in files)
    assert set(first) == {"RS.dcm", "RP_1.dcm", "RD_1.dcm", "RP_2.dcm", "RD_2.dcm"}
    assert first == second


def test_structures_of_several_copies_share_the_points(clinical_case: ModuleType) -> None:
    found = clinical_case.regions(24_000, copies=2)
    assert len({r.name for r in found}) == len({r.number for r in found}) == 68
    assert sum(r.points for r in found) == 24_000


def test_one_command_runs_it() -> None:
    done = subprocess.run(
        [sys.executable, BENCHMARKS, "--quick"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "34 structures" in done.stdout
    assert "12,000 contour points" in done.stdout
    assert "PROBLEM" not in done.stdout
    assert "registered" in done.stdout
