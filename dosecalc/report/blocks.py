"""What a text is made of, before it has a width: lines, headings, paragraphs and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from dosecalc.findings import Outcome


class Tone(Enum):
    """What a heading or a label says beside its words; a terminal shows it as a colour, plain text not."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    AHEAD = "ahead"


_TONES = {Outcome.PASS: Tone.GOOD, Outcome.FAIL: Tone.BAD, Outcome.NOT_DUE: Tone.AHEAD}


def tone_of(outcome: Outcome) -> Tone:
    """How an outcome is shown; what is not judged, or uncertain, is open."""
    return _TONES.get(outcome, Tone.OPEN)


@dataclass(frozen=True, slots=True)
class Heading:
    """A line above others, or one that must be seen."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A label and a text that may need several lines: set in by ``left``, and after the first by more."""

    label: str
    text: str
    indent: int = 4
    left: int = 2
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Across:
    """A row of a table with a text in place of the cells that follow."""

    cells: Sequence[str]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows below a header.

    Attributes
    ----------
    header : a name for each column
    rows : a cell for each column, or cells and a text across the others
    words : the first columns, which are text and say what a row is about; the others are numbers
    texts : further columns that are text
    folds : the column that goes on in the next line where a row is too long; there is none in most tables
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str] | Across]
    words: int = 1
    texts: frozenset[int] = frozenset()
    folds: int | None = None

    def is_text(self, column: int) -> bool:
        """Whether a column stands to the left."""
        return column < self.words or column in self.texts


Block = str | Heading | Paragraph | Table
"""A string is one line, as it stands."""

TIED = "\u00a0"
"""A blank at which no line ends: no text from a file has one left."""
