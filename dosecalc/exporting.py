"""From a case and a protocol to files of summed dose: which sum, on which grid, in which quantities."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from dosecalc.case import Case
from dosecalc.celldoses import cell_doses
from dosecalc.checking.context import Context, default_as_of
from dosecalc.checking.data_rules import dose_matches
from dosecalc.checking.standing import as_asked
from dosecalc.courses import Treatment
from dosecalc.dicom.export import Uncovered, WrittenDose, write_dose
from dosecalc.dicom.export_text import Identity
from dosecalc.dosemap import DoseMap
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError, InputError, MissingDoseError
from dosecalc.images import ImageGrid
from dosecalc.ledger import Ledger
from dosecalc.mapping import Missing, dose_map, respaced
from dosecalc.protocol import Protocol
from dosecalc.quantities import Bed, Eqd2, Physical, Quantity
from dosecalc.registrations import NoPath
from dosecalc.rules import DoseMatchesPrescription
from dosecalc.sampling import Settings
from dosecalc.sessions import GridFraction

_COARSE = Settings(cells=1000)
"""Enough to say whether a structure reaches beyond a dose, and about how far."""

CT = "ct"
"""What asks for the grid of the CT."""


class Sum(enum.Enum):
    """Which sessions of the book are summed."""

    PROJECTED = "what was given and what is left of the plans"
    DELIVERED = "what was given"
    PLANNED = "the plans as they are prescribed"


class Beyond(enum.Enum):
    """What becomes of voxels that some dose of the sum does not reach."""

    REFUSED = "refused"
    CROPPED = "the file holds the box that all doses reach"
    AT_LEAST = "they hold what reaches them"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summed:
    """A sum that is asked for: its sessions, what it lacks, and what was assumed.

    ``grid`` gives the voxels, ``plan_files`` lead from the UIDs of plans to their files.
    """

    ledger: Ledger
    lacks: tuple[str, ...]
    notes: tuple[str, ...]
    grid: DoseGrid | ImageGrid
    plan_files: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exported:
    """A file that was written, and the map that is in it."""

    written: WrittenDose
    dose: DoseMap
    cut_off: str = ""


def summed(
    case: Case,
    protocol: Protocol,
    *,
    which: Sum = Sum.PROJECTED,
    as_of: dt.date | None = None,
    after_fraction: int | None = None,
    grid: str | DoseGrid = "",
) -> Summed:
    """The sessions that a sum is over; a dose that does not match its prescription is not in it.

    Parameters
    ----------
    case, protocol, as_of, after_fraction : as for :func:`dosecalc.check`
    which : which sessions
    grid : the grid that gives the voxels: a course of the protocol, ``ct`` for the image that the structures
        of the last course were drawn on, or a dose. By default that of the last course with a dose.

    Raises
    ------
    InputError : if the day, the fraction or the grid asked for does not exist, or the case file contradicts
        the protocol or the plans.
    MissingDoseError : if there is no session, or no dose, to sum.

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.protocol import load_protocol
    >>> found = summed(read_case("sample_plans/redefine_compliant"), load_protocol("redefine"))
    >>> len(found.ledger), found.grid.source
    (66, 'RD_definitive.dcm')
    >>> found.lacks
    ('prior course: 70 Gy in 35 fractions as stated, without a dose distribution',)
    """
    if which is Sum.PLANNED and (as_of or after_fraction):
        raise InputError(
            "the plans as they are prescribed: expected neither as_of nor after_fraction with it"
        )
    treatment = _treatment(case, protocol, as_of, after_fraction)
    where: DoseGrid | ImageGrid
    if isinstance(grid, DoseGrid):
        where = grid
    elif grid == CT:
        where = _image_of(case, treatment)
    else:
        where = _grid_of(treatment, which, protocol, grid)
    for uid, reason in _unlinked(_ledger(treatment, which), where, case):
        treatment = treatment.without_dose(uid, reason)
    ledger = _ledger(treatment, which)
    if not len(ledger):
        raise MissingDoseError(f"no session to sum over {which.value}{_listed(treatment.lost)}")
    stands = f" until {as_of}" if as_of else f" after fraction {after_fraction}" if after_fraction else ""
    return Summed(
        ledger=ledger,
        lacks=_lacks(treatment, which),
        notes=(
            f"sum over {which.value}{stands and f', as it stood{stands}'}",
            f"protocol {protocol.name} ({protocol.sha256})",
            *treatment.assumptions,
        ),
        grid=where,
        plan_files=tuple((p.plan.uid, case.folder / p.plan.source) for p in treatment.plans),
    )


def export_dose(
    case: Case,
    what: Summed,
    quantity: Quantity,
    path: Path,
    *,
    spacing_mm: float | None = None,
    missing: Missing = Missing.REFUSED,
    beyond: Beyond = Beyond.REFUSED,
    identity: Identity = Identity.COPIED,
) -> Exported:
    """Write a sum as a RT Dose.

    Parameters
    ----------
    case : what was read
    what : the sum, see :func:`summed`
    quantity : ``Physical()``, ``Bed(...)`` or ``Eqd2(...)``
    path : the new file
    spacing_mm : voxels of this size over the volume of the grid; by default those of the grid
    missing : what becomes of fractions whose dose distribution is not known
    beyond : what becomes of voxels that not every dose reaches
    identity : whether the file names the patient

    Raises
    ------
    MissingDoseError : for a sum that lacks a dose, or is not covered, unless that is asked for.
    FrameError, InputError, DosecalcError : see :func:`dose_map` and :func:`write_dose`.
    """
    if what.lacks and missing is Missing.REFUSED:
        raise MissingDoseError(f"the sum is not complete:{_listed(what.lacks)}")
    found = dose_map(
        what.ledger,
        what.grid.lattice if spacing_mm is None else respaced(what.grid.lattice, spacing_mm),
        quantity,
        frame_uid=what.grid.frame_uid,
        frames=case.frames,
        missing=Missing.LEFT_OUT,
    )
    found = replace(found, left_out=what.lacks, notes=(*found.notes, *what.notes))
    cut_off = ""
    if beyond is Beyond.CROPPED and found.uncovered_voxels:
        cut_off, found = found.uncovered_text, found.cropped()
    uids = [uid for uid, _ in found.fractions]
    files = dict(what.plan_files)
    written = write_dose(
        path,
        found,
        like=files[uids[-1]],
        plans=[files[uid] for uid in uids],
        uncovered=Uncovered.AT_LEAST if beyond is Beyond.AT_LEAST else Uncovered.REFUSED,
        identity=identity,
    )
    return Exported(written=written, dose=found, cut_off=cut_off)


def alpha_betas(protocol: Protocol) -> tuple[float, ...]:
    """Every a/b of a protocol once, ascending.

    >>> from dosecalc.protocol import load_protocol
    >>> {2.0, 3.0, 10.0} <= set(alpha_betas(load_protocol("redefine")))
    True
    """
    found = {s.alpha_beta_gy for s in protocol.structures if s.alpha_beta_gy is not None}
    return tuple(sorted(found))


def file_name(quantity: Quantity, *words: str) -> str:
    """What an exported file is called.

    >>> file_name(Eqd2(alpha_beta_gy=2.5), "delivered")
    'RD_EQD2_ab2.5_delivered.dcm'
    """
    match quantity:
        case Bed(alpha_beta_gy=alpha_beta_gy):
            first = f"RD_BED_ab{alpha_beta_gy:g}"
        case Eqd2(alpha_beta_gy=alpha_beta_gy):
            first = f"RD_EQD2_ab{alpha_beta_gy:g}"
        case _:
            first = "RD_physical"
    return "_".join((first, *(w for w in words if w))) + ".dcm"


def beyond_doses(case: Case, what: Summed) -> Iterator[tuple[str, float]]:
    """Structures of the plans' sets that some dose of a sum does not reach wholly, and how much, in cm3."""
    known = what.ledger.known()
    uids = {p.structure_set_uid for p in case.plans if p.uid in dict(what.plan_files)}
    for structure in (s for each in case.structure_sets if each.uid in uids for s in each):
        try:
            cells = cell_doses(structure, known.grids(), frames=case.frames, settings=_COARSE)
            uncovered = cells.curve(known, Physical()).uncovered_cm3
        except DosecalcError:
            continue  # it bounds no volume
        if uncovered > 0:
            yield structure.name, uncovered


def _treatment(
    case: Case, protocol: Protocol, as_of: dt.date | None, after_fraction: int | None
) -> Treatment:
    """The treatment as it is asked for, without doses that a check would not use."""
    treatment = as_asked(case, protocol, as_of, after_fraction)
    day = default_as_of(treatment)
    context = Context(case=case, protocol=protocol, treatment=treatment, as_of=day, asked_as_of=day)
    for rule in protocol.rules:
        if isinstance(rule.test, DoseMatchesPrescription):
            tuple(dose_matches(context, rule, rule.test))
    return context.treatment


def _ledger(treatment: Treatment, which: Sum) -> Ledger:
    match which:
        case Sum.PROJECTED:
            return treatment.ledger
        case Sum.DELIVERED:
            return treatment.ledger.delivered()
        case Sum.PLANNED:
            return treatment.planned
        case _:
            assert_never(which)


def _lacks(treatment: Treatment, which: Sum) -> tuple[str, ...]:
    """Why the sum over all courses is incomplete; what is not planned yet lacks in what was given nothing."""
    later = () if which is Sum.DELIVERED else treatment.later
    found = (
        *(f"nothing is known of the {course} course" for course in treatment.absent),
        *(f"the {course} course is not planned yet" for course in later),
        *treatment.lost,
        *_ledger(treatment, which).missing(),
    )
    return tuple(dict.fromkeys(found))


def _grid_of(treatment: Treatment, which: Sum, protocol: Protocol, course: str) -> DoseGrid:
    """The dose grid of the last plan of a course, or of the last course that has one."""
    names = [c.name for c in protocol.courses]
    if course and course not in names:
        listed = ", ".join(names)
        raise InputError(f"grid: expected a course of {protocol.name!r} ({listed}), found {course!r}")
    for session in reversed(_ledger(treatment, which).sessions):
        if course in {"", session.course}:
            for contribution in reversed(session.contributions):
                if isinstance(contribution.fraction, GridFraction):
                    return contribution.fraction.parts[0].dose
    of = f" of the {course} course" if course else ""
    raise MissingDoseError(f"no dose{of} in {which.value}{_listed(_lacks(treatment, which))}")


def _image_of(case: Case, treatment: Treatment) -> ImageGrid:
    """The CT in the frame of reference of the structures that sums are taken in."""
    sets = (case.structure_set_of(p.plan) for p in reversed(treatment.plans))
    frame = next((s.frame_uid for found in sets if found for s in found if s.frame_uid), "")
    series = [image for image in case.images if image.frame_uid == frame and len(image.lattice.z_mm) > 1]
    if len(series) != 1:
        listed = ", ".join(f"{i.source} ({len(i.lattice.z_mm)} slices)" for i in series) or "none"
        raise InputError(f"grid: expected one CT series in the frame of the last structures, found {listed}")
    return series[0]


def _unlinked(ledger: Ledger, grid: DoseGrid | ImageGrid, case: Case) -> Iterator[tuple[str, str]]:
    """Plans whose dose lies in a frame of reference that nothing links to the grid's, and which."""
    fractions = dict.fromkeys(c.fraction for s in ledger for c in s.contributions)
    for fraction in fractions:
        for part in fraction.parts if isinstance(fraction, GridFraction) else ():
            path = case.frames.path(grid.frame_uid, part.dose.frame_uid)
            if isinstance(path, NoPath):
                yield fraction.plan_uid, f"dose {part.dose.source}: {path}"


def _listed(texts: Sequence[str]) -> str:
    return "".join(f"\n  {text}" for text in texts)
