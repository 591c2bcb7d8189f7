"""Where the labels of marks in a figure stand, so that none is cut off and none lies over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_CHARACTER_PX = 6.0
"""Width of a character of a label, at most on average."""
_ROW_PX = 14.0
_ABOVE_PX, _BELOW_PX = 12.0, 22.0
"""From a mark to the base line of a label above it, or below."""
_BESIDE_PX = 3.0
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text whose base line begins or ends at a place (``anchor``, as in SVG)."""

    text: str
    x: float
    y: float
    anchor: str

    @property
    def edges(self) -> tuple[float, float]:
        """Its left and its right edge."""
        width = _CHARACTER_PX * len(self.text)
        return (self.x, self.x + width) if self.anchor == "start" else (self.x - width, self.x)

    def touches(self, other: Label) -> bool:
        (left, right), (other_left, other_right) = self.edges, other.edges
        return abs(self.y - other.y) < _ROW_PX and left < other_right and other_left < right


def place_label(
    text: str, x: float, y: float, placed: Sequence[Label], *, left: float, right: float, top: float
) -> Label:
    """A label above a mark, or below where there is no room, in the first row that no other one is in.

    >>> first = place_label("R15 (7)", 800.0, 372.0, (), left=52, right=846, top=14)
    >>> first.anchor, first.y, place_label("R16 (8)", 790.0, 372.0, [first], left=52, right=846, top=14).y
    ('start', 360.0, 346.0)
    >>> place_label("R15 (7) NOT EVALUATED", 800.0, 372.0, (), left=52, right=846, top=14).anchor
    'end'
    """
    width = _CHARACTER_PX * len(text)
    anchor = "end" if x + _BESIDE_PX + width > right and x - _BESIDE_PX - width >= left else "start"
    at = x - _BESIDE_PX if anchor == "end" else min(x + _BESIDE_PX, max(right - width, left))
    above = (y - _ABOVE_PX - _ROW_PX * row for row in range(_MOST_ROWS))
    below = (y + _BELOW_PX + _ROW_PX * row for row in range(_MOST_ROWS))
    rows = [row for row in (*above, *below) if row >= top + 10]
    labels = [Label(text=text, x=round(at, 1), y=round(row, 1), anchor=anchor) for row in rows]
    return next((label for label in labels if not any(map(label.touches, placed))), labels[-1])
