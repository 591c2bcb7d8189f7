"""A case: everything found in a folder, linked by UID, and what was stated about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dosecalc.doses import DoseGrid
from dosecalc.images import ImageGrid
from dosecalc.plans import Plan
from dosecalc.records import TreatmentRecord, TreatmentSummary
from dosecalc.registrations import Frames, Registration
from dosecalc.statement import Statement
from dosecalc.structures import StructureSet


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file of the folder: what it is and whether it is used.

    ``path`` is relative to the folder, with forward slashes; ``kind`` is the DICOM modality (RTPLAN,
    RTDOSE, RTSTRUCT, REG, RTRECORD, CT ...), ``case`` for the case file, or empty. ``reason`` says why
    a file is not used, ``lost`` that it should have been usable, so that what it holds is missing.
    """

    path: str
    sha256: str
    kind: str = ""
    uid: str = ""
    used: bool = True
    lost: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """What is known about one patient's treatment.

    ``images`` say where CT series lie, ``records`` what was given, beam by beam, ``summaries`` in how many
    fractions.
    ``problems`` are things that are wrong or odd with the input, in words; files that could not be
    used are in ``inputs`` with their reason. Patient attributes are kept apart, so that no report
    shows them unless asked.
    """

    folder: Path
    plans: tuple[Plan, ...] = ()
    doses: tuple[DoseGrid, ...] = ()
    structure_sets: tuple[StructureSet, ...] = ()
    registrations: tuple[Registration, ...] = ()
    images: tuple[ImageGrid, ...] = ()
    records: tuple[TreatmentRecord, ...] = ()
    summaries: tuple[TreatmentSummary, ...] = ()
    statement: Statement = Statement()
    inputs: tuple[InputFile, ...] = ()
    problems: tuple[str, ...] = ()
    patient_id: str = ""
    patient_name: str = ""

    @property
    def frames(self) -> Frames:
        return Frames(registrations=self.registrations)

    def doses_of(self, plan_uid: str) -> tuple[DoseGrid, ...]:
        """Doses that refer to a plan, sums over several plans included."""
        return tuple(d for d in self.doses if plan_uid in d.plan_uids)

    def structure_set_of(self, plan: Plan) -> StructureSet | None:
        """The structure set that a plan refers to, if it is here."""
        return next((s for s in self.structure_sets if s.uid == plan.structure_set_uid), None)
