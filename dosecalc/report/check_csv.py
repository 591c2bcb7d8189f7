"""The result of a check as two tables: findings, and doses of structures."""

from __future__ import annotations

from dosecalc.report.csv_text import csv_text
from dosecalc.results import DOSE_COLUMNS, JUDGED_COLUMNS, CheckResult


def findings_csv(result: CheckResult) -> str:
    """One row a finding, those that are shown and not judged at the end.

    Values are unrounded; ``unit`` is that of measured, low, high and limit. Where only a lower bound is
    known it is in ``low``, and ``measured`` is empty.
    """
    return csv_text(list(JUDGED_COLUMNS), result.findings_rows())


def doses_csv(result: CheckResult) -> str:
    """One row for each structure, course and state, with three columns for each metric of each quantity.

    ``near max EQD2 [Gy]`` is the value, ``near max EQD2 low [Gy]`` and ``... high [Gy]`` are the ends
    between which it may be. Where dose is missing, ``lower bounds`` says so: the low end is what is certain,
    and value and high end are empty. A structure that could not be evaluated has a row with its problem.
    """
    return csv_text(list(DOSE_COLUMNS), result.doses_rows())
