"""Every error that dosecalc raises on purpose.

::

    DosecalcError
    ├── InputError            a file or folder cannot be used as it is
    │   ├── DicomError        an attribute is missing, contradictory or unusable
    │   └── TomlError         a protocol or case file is invalid at a named place
    ├── GoalSyntaxError       a goal string cannot be understood (with a caret)
    ├── ContourError          a structure's contours bound no volume that can be trusted
    ├── FrameError            two frames of reference without a registration
    ├── QuantityError         unlike quantities meet, or a quantity is used where it has no meaning
    ├── MissingDoseError      a sum asks for a dose that is not there
    └── MetricError           a metric has no answer on this curve
        └── NotCoveredError   because part of the structure lies outside the dose
"""

from __future__ import annotations

from pathlib import Path


class DosecalcError(Exception):
    """Root of all errors raised on purpose; its text is fit to be shown to a user."""


class InputError(DosecalcError):
    """A file or a folder cannot be used as it is."""


class DicomError(InputError):
    """An attribute of a DICOM file is missing, contradictory or unusable.

    Parameters
    ----------
    path : file that was read
    attribute : DICOM keyword, with its place in the file where that helps
    expected, found : what the attribute should hold, and what it holds

    Examples
    --------
    >>> print(DicomError("RD.dcm", "DoseUnits", expected="GY", found="RELATIVE"))
    RD.dcm: DoseUnits: expected GY, found RELATIVE
    """

    def __init__(self, path: Path | str, attribute: str, *, expected: str, found: str) -> None:
        self.path = str(path)
        self.attribute = attribute
        self.expected = expected
        self.found = found
        super().__init__(f"{path}: {attribute}: expected {expected}, found {found}")


class TomlError(InputError):
    """A TOML file is invalid; ``where`` is the path inside the file.

    Examples
    --------
    >>> print(TomlError("mine.toml", "rules[2].goal", "expected a string, found 3"))
    mine.toml: rules[2].goal: expected a string, found 3
    """

    def __init__(self, source: Path | str, where: str, problem: str) -> None:
        self.source = str(source)
        self.where = where
        self.problem = problem
        super().__init__(f"{source}: {where}: {problem}" if where else f"{source}: {problem}")


class GoalSyntaxError(DosecalcError):
    """A goal string cannot be understood; the message carries a caret under the fault."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        self.text = text
        self.position = position
        self.problem = problem
        super().__init__(f"{problem}\n    {text}\n    {' ' * position}^")


class ContourError(DosecalcError):
    """The contours of a structure bound no volume that can be trusted."""


class FrameError(DosecalcError):
    """Two frames of reference are needed together and no registration links them."""


class QuantityError(DosecalcError):
    """Unlike quantities were brought together, or one was used where it has no meaning."""


class MissingDoseError(DosecalcError):
    """A sum asks for the dose of a fraction that is not known."""


class MetricError(DosecalcError):
    """A metric has no answer on this curve."""


class NotCoveredError(MetricError):
    """A metric has no answer because part of the structure lies outside the dose."""
