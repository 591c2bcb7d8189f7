"""What a section says in words: its labels, its title, and the picture for those who cannot see it."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from dosecalc.checking.judging import digits
from dosecalc.legible import shortened
from dosecalc.sections import HotSpot, Outline, OutlineKind, Section

SHORT, LONG = 20, 60
"""Characters of a name in the picture, and in the text that stands for it."""
_AXES = "xyz"
_SAME = 1e-9
_STRUCTURES = (OutlineKind.JUDGED, OutlineKind.TARGET, OutlineKind.STRUCTURE)


def is_limit(outline: Outline, hot_spot: HotSpot) -> bool:
    """Whether an outline is the isodose of the limit."""
    return outline.dose_gy is not None and math.isclose(outline.dose_gy, hot_spot.limit, rel_tol=_SAME)


def label_of(outline: Outline, hot_spot: HotSpot) -> str:
    """What stands at a line: the name of a structure, the dose of an isodose."""
    if outline.dose_gy is None:
        return shortened(outline.name, most=SHORT)
    text = f"{round(outline.dose_gy, 2):g} {hot_spot.unit}"
    return f"limit {text}" if is_limit(outline, hot_spot) else text


def title_of(section: Section) -> str:
    """Where a section lies."""
    axis = _AXES[section.plane.axes[2]]
    return f"{section.plane.value}, {axis} = {round(section.position_mm, 1) + 0.0:.1f} mm"


def value_of(hot_spot: HotSpot) -> str:
    """The dose at the hot spot."""
    least = "at least " if hot_spot.at_least else ""
    return f"+ {least}{digits(hot_spot.value, hot_spot.limit)} {hot_spot.unit}"


def described(hot_spot: HotSpot, section: Section) -> str:
    """The picture in words."""
    place = ", ".join(f"{round(v, 1) + 0.0:.1f}" for v in hot_spot.xyz_mm)
    edges = dict(zip(("left", "right", "top", "bottom"), section.plane.edges, strict=True))
    parts = [
        f"{section.plane.value} section through the hot spot of {shortened(hot_spot.structure, most=LONG)} "
        f"({shortened(hot_spot.rule, most=LONG)}) at ({place}) mm: {value_of(hot_spot)[2:]}, "
        f"limit {hot_spot.comparison} {hot_spot.limit:g} {hot_spot.unit}; "
        f"{shortened(hot_spot.quantity, most=4 * LONG)}",
        "; ".join(f"{word} at the {edge}" for edge, word in edges.items()),
    ]
    isodoses = [label_of(o, hot_spot) for o in section.of(OutlineKind.ISODOSE)]
    parts.append(f"isodoses: {', '.join(isodoses) or 'none of those sought'}")
    for kind in _STRUCTURES:
        names = [shortened(o.name, most=LONG) for o in section.of(kind)]
        if names:
            parts.append(f"{kind.value}: {', '.join(names)}")
    if section.of(OutlineKind.NOT_KNOWN):
        parts.append("hatched: dose not known")
    image = section.grey
    parts.append(
        f"under it CT from {image.low_hu:g} to {image.high_hu:g} HU" if image else "no image under it"
    )
    return escape(". ".join(parts))


def safe(text: str, most: int) -> str:
    """A text of a file as part of SVG."""
    return escape(shortened(text, most=most))
