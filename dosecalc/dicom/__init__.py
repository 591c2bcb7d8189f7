"""DICOM RT files and folders in; the only package that imports pydicom."""

from dosecalc.dicom.dose import read_dose
from dosecalc.dicom.export import Uncovered, write_dose
from dosecalc.dicom.export_text import Identity
from dosecalc.dicom.folder import read_folder
from dosecalc.dicom.plan import read_plan
from dosecalc.dicom.registration import read_registrations
from dosecalc.dicom.structures import read_structures

__all__ = [
    "Identity",
    "Uncovered",
    "read_dose",
    "read_folder",
    "read_plan",
    "read_registrations",
    "read_structures",
    "write_dose",
]
