"""The files of a folder, each with what it turned out to be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

from dosecalc.case import InputFile
from dosecalc.doses import DoseGrid
from dosecalc.images import ImageSlice
from dosecalc.plans import Plan
from dosecalc.records import TreatmentRecord, TreatmentSummary
from dosecalc.registrations import Registration
from dosecalc.structures import StructureSet

CASE_FILE = "case.toml"

LISTED_FILES = 8
"""How many files a message names before it only counts them."""

SHOWN_ONLY = {"CT"}
"""What no sum rests on: a file of this kind that cannot be used leaves nothing missing."""

Planned = Plan | DoseGrid | StructureSet
"""What a case is about: a folder needs one of them to be a case."""

Read = Planned | TreatmentRecord | TreatmentSummary | ImageSlice | tuple[Registration, ...]
"""A registration file may link several frames with its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """One file of the folder and what it turned out to be.

    ``dates`` are those at which it was made or given, each with its attribute, ``born`` the patient's
    birth date, which nothing shows.
    """

    file: InputFile
    record: Read | None = None
    patient_id: str = ""
    patient_name: str = ""
    born: dt.date | None = field(default=None, repr=False)
    dates: tuple[tuple[str, dt.date], ...] = ()
    broken: bool = False

    def unused(self, reason: str, *, broken: bool = False) -> Found:
        """The same file, not used; what a broken one holds is missing."""
        file = replace(self.file, used=False, reason=reason, lost=broken)
        return replace(self, file=file, record=None, broken=broken)
