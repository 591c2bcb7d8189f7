"""The command ``dosecalc export``: sums over sessions as RT Dose files for other systems."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from dosecalc.case import Case
from dosecalc.dicom import read_dose
from dosecalc.dicom.export_text import Identity
from dosecalc.doses import DoseGrid
from dosecalc.errors import InputError, MissingDoseError
from dosecalc.exporting import (
    CT,
    Beyond,
    Exported,
    Sum,
    Summed,
    alpha_betas,
    beyond_doses,
    export_dose,
    file_name,
    summed,
)
from dosecalc.lattices import Lattice
from dosecalc.mapping import Missing
from dosecalc.progress import Progress, counted, silent
from dosecalc.protocol import Protocol
from dosecalc.quantities import Bed, Eqd2, Lq, LqRepair, Physical, Quantity, describe

DESCRIPTION = """Writes sums over sessions as RT Dose files: of BED or EQD2 one for each a/b
(DoseType EFFECTIVE, no physical dose), or of physical dose. What is not known
is refused, not taken as 0 Gy.

The files carry the patient's name, ID, birth date and study, as a planning
system needs them to file the dose; --anonymous leaves these empty, but UIDs
still lead to the patient's other files.
"""


def add_export_options(command: argparse.ArgumentParser) -> None:
    """The options of ``dosecalc export`` that no other command has."""
    command.description = DESCRIPTION
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where to write; made if need be"
    )
    command.add_argument(
        "--quantity", choices=("physical", "bed", "eqd2"), default="eqd2", help="default: eqd2"
    )
    command.add_argument(
        "--alpha-beta",
        type=_length,
        action="append",
        default=[],
        metavar="GY",
        help="a file for this a/b; may be repeated; default: each a/b of the protocol",
    )
    command.add_argument(
        "--repair-half-time",
        type=_length,
        metavar="HOURS",
        help="repair between sessions of one day, where their times are known; default: complete",
    )
    command.add_argument(
        "--grid",
        default="",
        metavar="COURSE|ct|FILE",
        help="voxels of a course's dose, of the CT, or of a RT Dose; default: the last course with a dose",
    )
    command.add_argument(
        "--spacing", type=_length, metavar="MM", help="voxels of this size over the extent of that grid"
    )
    which = command.add_mutually_exclusive_group()
    which.add_argument("--delivered", action="store_true", help="sum what was given, not what is left too")
    which.add_argument("--planned", action="store_true", help="sum the plans as they are prescribed")
    command.add_argument(
        "--incomplete", action="store_true", help="sum what is known, and say in the file what it lacks"
    )
    command.add_argument(
        "--beyond",
        choices=("refuse", "crop", "at-least"),
        default="refuse",
        help="where a dose ends within the grid: refuse (default), write only the box that all doses reach, "
        "or write what reaches a voxel, which is less than it got",
    )
    command.add_argument("--anonymous", action="store_true", help="leave the patient's name and ID empty")


def export(
    options: argparse.Namespace, case: Case, protocol: Protocol, progress: Progress = silent
) -> Iterator[str]:
    """Write the files that are asked for, with a line for each.

    Raises
    ------
    DosecalcError : if one of them cannot be made; those before it stay.
    """
    quantities = _quantities(options, protocol)
    paths = [options.out / file_name(quantity, *_words(options)) for quantity in quantities]
    _require_free(options, paths)
    what = summed(
        case,
        protocol,
        which=_which(options),
        as_of=options.as_of,
        after_fraction=options.after_fraction,
        grid=_grid(options.grid, protocol),
    )
    first: Exported | None = None
    with _folder(options.out):
        files = list(zip(quantities, paths, strict=True))
        for quantity, path in counted(progress, "summing doses", files):
            done = _exported(options, case, what, quantity, path)
            if first is None:
                first = done
                yield from _head(options, what, done)
            yield f"WARNING: {_line(done)}" if done.dose.uncovered_voxels else _line(done)
    if first is not None and (first.cut_off or first.dose.uncovered_voxels):
        yield from _structures(case, what)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[None]:
    """A folder to write into; one that was made for it and stays empty does not stay."""
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: cannot be made: {error.strerror}") from None
    try:
        yield
    finally:
        if not any(path.iterdir()):
            path.rmdir()


def _exported(
    options: argparse.Namespace, case: Case, what: Summed, quantity: Quantity, path: Path
) -> Exported:
    """One file; where it is refused, with what would be had instead."""
    try:
        return export_dose(
            case,
            what,
            quantity,
            path,
            spacing_mm=options.spacing,
            missing=Missing.LEFT_OUT if options.incomplete else Missing.REFUSED,
            beyond=_BEYOND[options.beyond],
            identity=Identity.EMPTY if options.anonymous else Identity.COPIED,
        )
    except MissingDoseError as error:
        if what.lacks and not options.incomplete:
            raise MissingDoseError(f"{error}\n--incomplete sums what is known and says so") from None
        if not len(what.ledger.known()):
            raise
        lines = [str(error), *_structures(case, what)]
        if options.beyond == "refuse":
            lines.append("--beyond crop writes the box that all doses reach, --beyond at-least a lower bound")
        raise MissingDoseError("\n".join(lines)) from None


_BEYOND = {"refuse": Beyond.REFUSED, "crop": Beyond.CROPPED, "at-least": Beyond.AT_LEAST}


def _quantities(options: argparse.Namespace, protocol: Protocol) -> tuple[Quantity, ...]:
    if options.quantity == "physical":
        if options.alpha_beta or options.repair_half_time:
            raise InputError("--quantity physical: expected neither --alpha-beta nor --repair-half-time")
        return (Physical(),)
    kind = Bed if options.quantity == "bed" else Eqd2
    half_time = options.repair_half_time
    model = Lq() if half_time is None else LqRepair(half_time_h=half_time)
    asked = tuple(dict.fromkeys(options.alpha_beta)) or alpha_betas(protocol)
    if not asked:
        raise InputError(f"--alpha-beta: expected one, as no structure of {protocol.name!r} has any")
    return tuple(kind(alpha_beta_gy=value, model=model) for value in asked)


def _which(options: argparse.Namespace) -> Sum:
    if options.delivered:
        return Sum.DELIVERED
    return Sum.PLANNED if options.planned else Sum.PROJECTED


def _words(options: argparse.Namespace) -> Sequence[str]:
    """What tells the file of one question from that of another."""
    which = _which(options)
    return (
        "" if which is Sum.PROJECTED else which.name.lower(),
        f"{options.as_of:%Y%m%d}" if options.as_of else "",
        f"after{options.after_fraction}" if options.after_fraction else "",
    )


def _grid(asked: str, protocol: Protocol) -> str | DoseGrid:
    """A course by its name, the CT, or a RT Dose file."""
    names = [c.name for c in protocol.courses]
    if not asked or asked in {*names, CT}:
        return asked
    if not Path(asked).is_file():
        raise InputError(
            f"--grid {asked}: expected a course ({', '.join(names)}), {CT} or a RT Dose file, found neither"
        )
    grid = read_dose(asked)
    if not grid.frame_uid:
        raise InputError(f"--grid {asked}: FrameOfReferenceUID: expected a value, found none")
    return grid


def _require_free(options: argparse.Namespace, paths: Sequence[Path]) -> None:
    """Refuse a place that is taken, or part of the case, before the work and not after it."""
    out = options.out.resolve()
    if not out.parent.is_dir() or (out.exists() and not out.is_dir()):
        raise InputError(f"--out {options.out}: expected a folder, or a new one in a folder that exists")
    if out.is_relative_to(options.folder.resolve()):
        raise InputError(
            f"--out {options.out}: expected a folder outside {options.folder}, where all is read as the case"
        )
    for path in paths:
        if path.exists():
            raise InputError(f"{path}: expected no file of that name, found one; it stays as it is")


def _head(options: argparse.Namespace, what: Summed, done: Exported) -> Iterator[str]:
    known = what.ledger.known()
    counts = [f"{c} {len({s.day for s in known.course(c)})}" for c in known.courses]
    yield f"Sum over {_which(options).value}: {', '.join(counts)} fractions"
    yield f"Grid of {what.grid.source or what.grid.uid}: {_size(done.dose.lattice)}"
    if done.cut_off:
        yield f"WARNING: cropped to what all doses reach: {done.cut_off}"
    yield from (f"WARNING: INCOMPLETE, not in the sum: {text}" for text in what.lacks)
    yield from (text for text in done.dose.notes if text.startswith("WARNING"))
    yield from (f"WARNING: {text}" for text in done.dose.notes[: -len(what.notes)])
    yield "The files name the patient" if not options.anonymous else "Without name and ID of the patient"


def _line(done: Exported) -> str:
    """File, quantity, maximum and what is uncovered."""
    dose = done.dose
    bound = ">= " if dose.uncovered_voxels or dose.left_out else ""
    uncovered = f"{dose.uncovered_cm3:.1f} cm3 uncovered"
    if dose.uncovered_voxels:
        uncovered += f" (at least values, {dose.uncovered_text})"
    return f"{done.written.path}: {describe(dose.quantity)}, max {bound}{dose.max_gy:.2f} Gy, {uncovered}"


def _size(lattice: Lattice) -> str:
    """Voxels and spacing of a lattice in words, such as 3 x 2 x 3 voxels of 2 x 3 x 4 to 5 mm."""
    steps = []
    for axis in (lattice.x_mm, lattice.y_mm, lattice.z_mm):
        widths = axis[1:] - axis[:-1]
        low, high = (f"{v:.4g}" for v in (widths.min(), widths.max())) if widths.size else ("-", "-")
        steps.append(low if low == high else f"{low} to {high}")
    planes, rows, columns = lattice.shape_zyx
    return f"{columns} x {rows} x {planes} voxels of {' x '.join(steps)} mm"


def _structures(case: Case, what: Summed) -> Iterator[str]:
    """Structures that lie in part where the sum is not known."""
    found = [f"{name} {cm3:.2f} cm3" for name, cm3 in beyond_doses(case, what)]
    if found:
        yield f"WARNING: structures that not every dose reaches: {', '.join(found)}"
    else:
        yield "Every dose reaches all of every structure"


def _length(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return value
