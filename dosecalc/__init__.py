"""Radiotherapy dose bookkeeping over courses of treatment.

An independent check for medical physicists: not a treatment planning system, not a medical device.
"""

from dosecalc.accumulation import accumulate, course_parts, dvh, high_dose_overlap, session_curves
from dosecalc.case import Case
from dosecalc.casefile import read_case
from dosecalc.checking import check, remaining
from dosecalc.checking.allowance import Allowance, Allowances
from dosecalc.curves import Curve
from dosecalc.dicom import (
    Identity,
    Uncovered,
    read_dose,
    read_plan,
    read_registrations,
    read_structures,
    write_dose,
)
from dosecalc.dosemap import DoseMap
from dosecalc.doses import DoseGrid
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.goals import Goal, parse_goal
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.mapping import Missing, dose_map
from dosecalc.plotting import plot_dvh
from dosecalc.protocol import Protocol, load_protocol
from dosecalc.quantities import Bed, Eqd2, Lq, LqL, LqRepair, PerFraction, Physical
from dosecalc.radiobiology import bed, bed_to_eqd2, eqd2, geud, pair_bed, repopulated_bed, session_bed
from dosecalc.registrationfile import read_deformation, read_matrix
from dosecalc.registrations import Frames, Registration
from dosecalc.report.check_report import write_report
from dosecalc.report.ledger_view import AfterFraction, LedgerView, ledger_view
from dosecalc.results import CheckResult, StructureDoses
from dosecalc.rules import Level
from dosecalc.sampling import Settings
from dosecalc.schemas import json_schema
from dosecalc.shapes import Between, EndCaps
from dosecalc.statement import CourseStatement, Event, EventKind, Grouping, PlanStatement, Statement
from dosecalc.structures import Contour, Derived, Structure, StructureSet, difference, intersection
from dosecalc.transforms import Affine, Deformation, VectorGrid

__all__ = [
    "Affine",
    "AfterFraction",
    "Allowance",
    "Allowances",
    "Bed",
    "Between",
    "Case",
    "CheckResult",
    "Contour",
    "CourseStatement",
    "Curve",
    "Deformation",
    "Derived",
    "DoseGrid",
    "DoseMap",
    "DosecalcError",
    "EndCaps",
    "Eqd2",
    "Event",
    "EventKind",
    "Finding",
    "Frames",
    "Goal",
    "Grouping",
    "Identity",
    "Lattice",
    "Ledger",
    "LedgerView",
    "Level",
    "Lq",
    "LqL",
    "LqRepair",
    "Missing",
    "Outcome",
    "PerFraction",
    "Physical",
    "PlanStatement",
    "Protocol",
    "Registration",
    "Settings",
    "Statement",
    "Structure",
    "StructureDoses",
    "StructureSet",
    "Uncovered",
    "VectorGrid",
    "accumulate",
    "bed",
    "bed_to_eqd2",
    "check",
    "course_parts",
    "difference",
    "dose_map",
    "dvh",
    "eqd2",
    "geud",
    "high_dose_overlap",
    "intersection",
    "json_schema",
    "ledger_view",
    "load_protocol",
    "pair_bed",
    "parse_goal",
    "plot_dvh",
    "read_case",
    "read_deformation",
    "read_dose",
    "read_matrix",
    "read_plan",
    "read_registrations",
    "read_structures",
    "remaining",
    "repopulated_bed",
    "session_bed",
    "session_curves",
    "write_dose",
    "write_report",
]
