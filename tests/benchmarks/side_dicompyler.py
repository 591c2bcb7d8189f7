"""dicompyler-core on a case: its DVH of every dose in every structure, files read once.

``python side_dicompyler.py FOLDER`` prints times, memory and values as JSON. It runs in an environment of
its own (``environments``), as dicompyler-core needs an older pydicom.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import measuring

SMALL_CM3 = 0.03


def values(dvh: Any) -> Mapping[str, float]:
    """The metrics of one DVH of dicompyler-core."""
    found = {"Mean": float(dvh.mean)}
    found |= {f"D{percent}%": float(dvh.dose_constraint(percent).value) for percent in (99, 95, 5, 1)}
    if dvh.volume >= SMALL_CM3:
        found[f"D{SMALL_CM3}cc"] = float(dvh.dose_constraint(SMALL_CM3, "cm3").value)
    return found


def main() -> None:
    importing = perf_counter()
    import pydicom
    from dicompylercore import dvhcalc

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    before = measuring.memory_bytes()
    start = perf_counter()
    structure_set = pydicom.dcmread(folder / "RS.dcm")
    names = {int(roi.ROINumber): str(roi.ROIName) for roi in structure_set.StructureSetROISequence}
    structures: dict[str, dict[str, Any]] = {name: {"curves": []} for name in names.values()}
    for path in sorted(folder.glob("RD_*.dcm")):
        dose = pydicom.dcmread(path)
        for number, name in names.items():
            dvh = dvhcalc.get_dvh(structure_set, dose, number)
            structures[name]["volume_cm3"] = float(dvh.volume)
            structures[name]["curves"].append(values(dvh))
    end = perf_counter()
    measuring.report(
        {
            "seconds": end - start,
            "with_imports": end - importing,
            "memory_bytes": measuring.peak_bytes() - before,
            "structures": structures,
        }
    )


if __name__ == "__main__":
    main()
