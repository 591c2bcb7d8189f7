"""Typed access to the attributes of a DICOM file; every fault names file, attribute and value."""

from __future__ import annotations

import datetime as dt
import functools
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from dosecalc.dicom.files import DicomFile, check_complete, reading
from dosecalc.errors import DicomError

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
"""What a decimal string may be: Python's own parser would also take `1_0`, `nan` and `inf`."""

_DATE = re.compile(r"(\d{4})(\.?)(\d\d)\2(\d\d)")
"""YYYYMMDD, or YYYY.MM.DD as ACR-NEMA had it, which DICOM still lets readers accept."""

_SHOWN_CHARACTERS = 60

_NO_TEXT = "bytes that are no text"
"""Where a length is wrong, a value runs on into others, the patient's name among them: not shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A data set, or an item of a sequence in it, with the name of its file and its place there."""

    name: str
    dataset: Dataset
    place: str = ""

    def attribute(self, keyword: str) -> str:
        """The attribute with its place, as messages call it."""
        return f"{self.place}{keyword}"

    def error(self, keyword: str, *, expected: str, found: str) -> DicomError:
        """The error that an attribute is not as it must be."""
        shown = found if len(found) <= _SHOWN_CHARACTERS else found[:_SHOWN_CHARACTERS] + "..."
        return DicomError(self.name, self.attribute(keyword), expected=expected, found=shown)

    def has(self, keyword: str) -> bool:
        """Whether the attribute is there, be it empty."""
        return keyword in self.dataset

    def raw(self, keyword: str) -> bytes:
        """The bytes of a text attribute as written, blanks and NULs at the end aside."""
        # Else pydicom would take an empty value for one not read yet, and convert what it cannot.
        element = self.dataset.get_item(_tag(keyword), keep_deferred=True)
        value = None if element is None else element.value
        if value is None or isinstance(value, bytes):
            return (value or b"").rstrip(b" \0")
        with reading(self.name, self.attribute(keyword), "text"):
            return _written(value).rstrip(b" \0")

    def code(self, keyword: str) -> str:
        """A text attribute whose characters are always plain: a code string or a UID."""
        value = self.raw(keyword).decode("latin-1").strip()
        if not value.isprintable():
            raise self.error(keyword, expected="plain text", found=_NO_TEXT)
        return value

    def required_code(self, keyword: str) -> str:
        """A code string or a UID that must not be empty."""
        value = self.code(keyword)
        if not value:
            raise self.error(keyword, expected="a value", found=self.nothing(keyword))
        return value

    def text(self, keyword: str) -> str:
        """A text attribute in its character set; empty where absent or empty."""
        with reading(self.name, self.attribute(keyword), "text"):
            value = self.dataset.get(keyword)
            if isinstance(value, MultiValue):
                value = "\\".join(str(part) for part in value)
            return "" if value is None else str(value).strip(" \0")

    def nothing(self, keyword: str) -> str:
        """How messages call the absence of a value."""
        return "an empty value" if self.has(keyword) else "none"

    def decimals(self, keyword: str) -> tuple[Decimal, ...]:
        """The numbers of a decimal-string attribute, exact; none where absent or empty."""
        text = self.raw(keyword).decode("latin-1")
        if not text.strip():
            return ()
        parts = [part.strip() for part in text.split("\\")]
        if not all(_DECIMAL.fullmatch(part) for part in parts):
            found = repr(text) if text.isprintable() else _NO_TEXT
            raise self.error(keyword, expected="numbers", found=found)
        return tuple(Decimal(part) for part in parts)

    def floats(self, keyword: str) -> tuple[float, ...]:
        """The numbers of a decimal-string attribute as floats: coordinates and spacings."""
        values = tuple(float(value) for value in self.decimals(keyword))
        if not all(map(math.isfinite, values)):
            raise self.error(keyword, expected="finite numbers", found="too large a number")
        return values

    def required_floats(self, keyword: str, count: int) -> tuple[float, ...]:
        """Exactly ``count`` numbers, rounded to floats."""
        values = self.floats(keyword)
        if len(values) != count:
            found = str(len(values)) if values else self.nothing(keyword)
            raise self.error(keyword, expected=f"{count} numbers", found=found)
        return values

    def decimal(self, keyword: str) -> Decimal | None:
        """One exact number, or None where absent or empty."""
        values = self.decimals(keyword)
        if len(values) > 1:
            raise self.error(keyword, expected="one number", found=str(len(values)))
        return values[0] if values else None

    def integer(self, keyword: str) -> int | None:
        """One integer string, or None where absent or empty."""
        value = self.decimal(keyword)
        if value is not None and value != value.to_integral_value():
            raise self.error(keyword, expected="a whole number", found=str(value))
        return None if value is None else int(value)

    def required_integer(self, keyword: str) -> int:
        """One integer string that must be there."""
        value = self.integer(keyword)
        if value is None:
            raise self.error(keyword, expected="a whole number", found=self.nothing(keyword))
        return value

    def required_count(self, keyword: str) -> int:
        """One binary unsigned integer (VR US) that must be there."""
        with reading(self.name, self.attribute(keyword), "a whole number"):
            value = self.dataset.get(keyword)
        if not isinstance(value, int):
            found = self.nothing(keyword) if value is None else repr(value)
            raise self.error(keyword, expected="a whole number", found=found)
        return value

    def items(self, keyword: str) -> tuple[Item, ...]:
        """The items of a sequence; none where absent or empty."""
        with reading(self.name, self.attribute(keyword), "a sequence"):
            found: Any = self.dataset.get(keyword)
            datasets = [] if found is None else list(found)
            if not all(isinstance(dataset, Dataset) for dataset in datasets):
                raise self.error(keyword, expected="a sequence", found="a plain value")
            for dataset in datasets:
                check_complete(dataset, self.name)
        return tuple(
            Item(name=self.name, dataset=dataset, place=f"{self.place}{keyword} item {n}, ")
            for n, dataset in enumerate(datasets, start=1)
        )


def top(file: DicomFile) -> Item:
    """The attributes of a file."""
    return Item(name=file.name, dataset=file.dataset)


def check_kind(item: Item, modality: str, sop_classes: dict[str, str]) -> None:
    """Refuses a file of another kind; ``sop_classes`` are the accepted ones with their names."""
    found = item.code("Modality")
    if found != modality:
        raise item.error("Modality", expected=modality, found=found or item.nothing("Modality"))
    sop_class = item.code("SOPClassUID")
    if sop_class and sop_class not in sop_classes:
        names = " or ".join(f"{uid} ({name})" for uid, name in sop_classes.items())
        raise item.error("SOPClassUID", expected=names, found=sop_class)


def calendar_date(item: Item, keyword: str) -> dt.date | None:
    """A date attribute; None where absent or empty. A date that no calendar has is an error."""
    text = item.code(keyword)
    if not text:
        return None
    if parts := _DATE.fullmatch(text):
        with suppress(ValueError):
            return dt.date(int(parts[1]), int(parts[3]), int(parts[4]))
    raise item.error(keyword, expected="a date such as 20260105", found=text)


def timestamp(item: Item, date_keyword: str, time_keyword: str) -> str:
    """Date and time as ``YYYYMMDD`` or ``YYYYMMDDHHMMSS``; empty where no date is stated."""
    date = item.raw(date_keyword).decode("latin-1").replace(".", "").strip()
    if not re.fullmatch(r"\d{8}", date):
        return ""
    time = item.raw(time_keyword).decode("latin-1").split(".")[0].replace(":", "").strip()
    return date + time.ljust(6, "0") if re.fullmatch(r"(\d\d){1,3}", time) else date


@functools.cache
def _tag(keyword: str) -> BaseTag:
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return Tag(tag)


def _written(value: Any) -> bytes:
    """A value that pydicom has converted already, as it was written."""
    many = value if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part) for part in many).encode("latin-1")
