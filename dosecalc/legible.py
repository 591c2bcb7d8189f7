"""Text that is fit to be shown, whatever a file holds, and records as JSON."""

from __future__ import annotations

import json
import re
import unicodedata

_LONGEST_NAME = 60
_LONGEST_WORD = 120
_LONGEST_TEXT = 3000
"""Characters that can be read; what is longer is cut, and says so."""


def clean(text: str) -> str:
    """Text from a file, fit for one line of a terminal: no control or direction characters.

    >>> clean("Spinal" + chr(10) + "  Cord" + chr(0x202E))
    'Spinal Cord'
    """
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """One line as it stands, but for control and direction characters, which become blanks."""
    if text.isprintable():  # as most are: then there is none
        return text
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in text)


def shortened(text: str, *, most: int) -> str:
    """Clean text of at most so many characters; one that is cut ends with dots.

    >>> shortened("A_Carotid_L", most=20), shortened("A_Carotid_L", most=8)
    ('A_Carotid_L', 'A_Car...')
    """
    found = clean(text)
    return found if len(found) <= most else f"{found[: most - 3].rstrip()}..."


def named(text: str, *, most: int = _LONGEST_NAME) -> str:
    """A name from a file on one line, and no longer than can be read.

    >>> named("SpinalCord"), named("x" * 10_000, most=4)
    ('SpinalCord', 'xxxx... (10,000 characters)')
    """
    found = clean(text)
    return found if len(found) <= most else f"{found[:most].rstrip()}... ({len(found):,} characters)"


def told(text: str) -> str:
    """A message on one line: words too long for any line are cut, and so is what nobody would read.

    >>> told("no dose of " + "x" * 10_000)
    'no dose of xxxx...xxxx... (10,000 characters)'
    """
    long_words = rf"\S{{{_LONGEST_WORD + 1},}}"
    words = re.sub(long_words, lambda found: named(found[0], most=_LONGEST_WORD), clean(text))
    return named(words, most=_LONGEST_TEXT)


def json_text(data: object) -> str:
    """Plain data as JSON text, the same bytes for the same data.

    Raises
    ------
    ValueError : for a number that is not finite, which JSON does not have.

    >>> print(json_text({"cm3": 1.5, "gy": None}), end="")
    {
      "cm3": 1.5,
      "gy": null
    }
    """
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
