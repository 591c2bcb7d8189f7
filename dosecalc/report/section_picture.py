"""One section of a hot spot as an SVG that stands by itself: in a page, in a PDF, and without colours."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dosecalc.errors import DosecalcError
from dosecalc.report.polylines import simplified
from dosecalc.report.section_labels import FONT_PX, Placed, Wanted, placed
from dosecalc.report.section_marks import haloed, place, px, slanting, text_at
from dosecalc.report.section_words import LONG, described, is_limit, label_of, safe, title_of, value_of
from dosecalc.sections import NOT_KNOWN_GREY, GreyImage, HotSpot, Outline, OutlineKind, Section

Floats = npt.NDArray[np.float64]

_WIDEST_PX, _TALLEST_PX = 260.0, 420.0
"""The most that the three sections of a hot spot take, which have one scale."""
_LEAST_WIDTH_PX = 190.0  # for the texts above and below
_SIDE_PX, _TOP_PX, _BOTTOM_PX = 22.0, 40.0, 66.0
_TOLERANCE_PX = 0.15
_HALO_PX = 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stroke:
    """A line, so that it is told apart without its colour too; ``dashes`` are lengths in pixels."""

    colour: str
    width: float
    dashes: str = ""


_INK = "#000000"
_STRUCTURES = {
    OutlineKind.JUDGED: _Stroke(colour=_INK, width=2.6),
    OutlineKind.TARGET: _Stroke(colour="#1b4a9c", width=1.7, dashes="13 5"),
    OutlineKind.STRUCTURE: _Stroke(colour="#444444", width=1.0),
}
_HATCH = _Stroke(colour="#606060", width=0.8)
_LIMIT = _Stroke(colour="#a50f15", width=2.6, dashes="8 3 2 3")
_BELOW = (
    _Stroke(colour="#7a4a00", width=1.3, dashes="5 3"),
    _Stroke(colour="#7a4a00", width=1.3, dashes="1.5 3"),
)
_ABOVE = (
    _Stroke(colour="#a50f15", width=1.3, dashes="8 3 2 3"),
    _Stroke(colour="#a50f15", width=1.3, dashes="8 3 2 3 2 3"),
)


def section_svg(hot_spot: HotSpot, section: Section) -> str:
    """A section of a hot spot as inline SVG: no scripts, no styles, nothing from elsewhere.

    The judged structure is a thick solid line, targets have long dashes, other structures thin lines;
    isodoses have dashes of their own with the dose on them, that of the limit the thickest. Where dose is
    not known it is hatched. The letters at the edges are R, L, A, P, S and I: right, left, anterior,
    posterior, superior and inferior.

    Raises
    ------
    DosecalcError : if there is an image under the section and Pillow is not installed.

    Examples
    --------
    >>> from dosecalc.sections import Extent, Plane
    >>> section = Section(plane=Plane.AXIAL, position_mm=4, outlines=(), extent=Extent(
    ...     left_mm=-40, right_mm=40, top_mm=-40, bottom_mm=40))
    >>> spot = HotSpot(rule="R15", structure="cord", quantity="dose of day 1", unit="Gy", xyz_mm=(0, 0, 4),
    ...     value=3.2, limit=3, comparison="<", sections=(section,))
    >>> section_svg(spot, section).splitlines()[1]
    '<title>axial, z = 4.0 mm: hot spot of cord</title>'
    """
    view = _view(hot_spot, section)
    body = [
        *_image(view, section.grey),
        *_hatched(view, section),
        *_lines(view, hot_spot, section),
        *_cross(view, hot_spot, section),
        *_labels(view, hot_spot, section),
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{px(view.width)}" height="{px(view.height)}" '
        f'viewBox="0 0 {px(view.width)} {px(view.height)}" role="img" font-family="sans-serif" '
        f'fill="{_INK}">',
        f"<title>{safe(title_of(section), LONG)}: hot spot of {safe(hot_spot.structure, LONG)}</title>",
        f"<desc>{described(hot_spot, section)}</desc>",
        f'<rect width="{px(view.width)}" height="{px(view.height)}" fill="#ffffff"/>',
        *body,
        f'<rect x="{px(view.left)}" y="{px(_TOP_PX)}" width="{px(view.across)}" height="{px(view.down)}" '
        f'fill="none" stroke="{_INK}" stroke-width="1"/>',
        *_margins(view, hot_spot, section),
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """From mm to pixels: ``left`` is where the frame begins, ``across`` and ``down`` are its size."""

    scale: float
    left: float
    across: float
    down: float
    left_mm: float
    top_mm: float
    halo: bool

    @property
    def width(self) -> float:
        return max(self.across, _LEAST_WIDTH_PX) + 2 * _SIDE_PX

    @property
    def height(self) -> float:
        return self.down + _TOP_PX + _BOTTOM_PX

    def at(self, points_mm: Floats) -> Floats:
        """Places in the whole picture."""
        return np.asarray((points_mm - [self.left_mm, self.top_mm]) * self.scale + [self.left, _TOP_PX])


def _view(hot_spot: HotSpot, section: Section) -> _View:
    extents = [s.extent for s in (*hot_spot.sections, section)]
    scale = min(
        _WIDEST_PX / max(e.width_mm for e in extents), _TALLEST_PX / max(e.height_mm for e in extents)
    )
    across = section.extent.width_mm * scale
    return _View(
        scale=scale,
        left=_SIDE_PX + max(_LEAST_WIDTH_PX - across, 0.0) / 2,
        across=across,
        down=section.extent.height_mm * scale,
        left_mm=section.extent.left_mm,
        top_mm=section.extent.top_mm,
        halo=section.grey is not None,
    )


def _image(view: _View, grey: GreyImage | None) -> Iterator[str]:
    if grey is None:
        return
    corners = [[grey.extent.left_mm, grey.extent.top_mm], [grey.extent.right_mm, grey.extent.bottom_mm]]
    (x, y), (right, bottom) = view.at(np.array(corners)).tolist()
    yield (
        f'<image x="{px(x)}" y="{px(y)}" width="{px(right - x)}" height="{px(bottom - y)}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{_png(grey)}"/>'
    )


def _png(grey: GreyImage) -> str:
    try:
        from PIL import Image  # noqa: PLC0415 - an extra, which the core does without
    except ImportError:
        raise DosecalcError(
            "sections: expected the package pillow, found none; pip install 'dosecalc[report]'"
        ) from None
    content = io.BytesIO()
    Image.fromarray(grey.grey).save(content, "PNG", optimize=True, transparency=NOT_KNOWN_GREY)
    return base64.b64encode(content.getvalue()).decode("ascii")


def _hatched(view: _View, section: Section) -> Iterator[str]:
    """Slanting lines over where dose is not known."""
    for outline in section.of(OutlineKind.NOT_KNOWN):
        loops = [view.at(loop.points_mm) for loop in outline.loops]
        pieces = [f"M{place(a)}L{place(b)}" for a, b in slanting(loops)]
        yield from _stroked(view, "".join(pieces), _HATCH)


def _lines(view: _View, hot_spot: HotSpot, section: Section) -> Iterator[str]:
    order = (OutlineKind.STRUCTURE, OutlineKind.TARGET, OutlineKind.ISODOSE, OutlineKind.JUDGED)
    for outline in (o for kind in order for o in section.of(kind)):
        path = "".join(_path(view, loop.points_mm, loop.closed) for loop in outline.loops)
        yield from _stroked(view, path, _stroke_of(outline, hot_spot))


def _path(view: _View, points_mm: Floats, closed: bool) -> str:
    points = view.at(points_mm)
    if closed:
        points = np.vstack([points, points[:1]])
    points = simplified(points, _TOLERANCE_PX)
    if closed:
        points = points[:-1]
    return f"M{'L'.join(place(p) for p in points)}{'Z' if closed else ''}"


def _stroke_of(outline: Outline, hot_spot: HotSpot) -> _Stroke:
    if outline.dose_gy is None:
        return _STRUCTURES.get(outline.kind, _HATCH)
    if is_limit(outline, hot_spot):
        return _LIMIT
    part = outline.dose_gy / hot_spot.limit
    if part < 1:
        return _BELOW[part < 0.7]
    return _ABOVE[part > 1.4]


def _stroked(view: _View, path: str, stroke: _Stroke) -> Iterator[str]:
    """A line, over an image with a white one under it."""
    if not path:
        return
    joined = 'fill="none" stroke-linejoin="round"'
    if view.halo:
        yield f'<path d="{path}" {joined} stroke="#ffffff" stroke-width="{px(stroke.width + _HALO_PX)}"/>'
    dashes = f' stroke-dasharray="{stroke.dashes}"' if stroke.dashes else ""
    yield f'<path d="{path}" {joined} stroke="{stroke.colour}" stroke-width="{stroke.width:g}"{dashes}/>'


def _spot(view: _View, hot_spot: HotSpot, section: Section) -> tuple[float, float]:
    x, y = view.at(section.plane.across_down(hot_spot.xyz_mm)).tolist()
    return x, y


def _cross(view: _View, hot_spot: HotSpot, section: Section) -> Iterator[str]:
    """Four strokes that leave the hot spot itself free."""
    x, y = _spot(view, hot_spot, section)
    ways = ((1, 0), (-1, 0), (0, 1), (0, -1))
    path = "".join(f"M{px(x + 4 * a)} {px(y + 4 * b)}L{px(x + 12 * a)} {px(y + 12 * b)}" for a, b in ways)
    for colour, width in (("#ffffff", 4.0), (_INK, 1.6)):
        yield f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"/>'


def _labels(view: _View, hot_spot: HotSpot, section: Section) -> Iterator[str]:
    """Names and doses, the most important ones first: where there is no room, the others go without."""
    isodoses = sorted(section.of(OutlineKind.ISODOSE), key=lambda o: not is_limit(o, hot_spot))
    others = (OutlineKind.TARGET, OutlineKind.STRUCTURE)
    chosen = [
        *section.of(OutlineKind.JUDGED),
        *isodoses,
        *section.of(OutlineKind.NOT_KNOWN),
        *(o for kind in others for o in section.of(kind)),
    ]
    chosen = [outline for outline in chosen if outline.loops]
    wanted = [_wanted(view, outline, hot_spot) for outline in chosen]
    x, y = _spot(view, hot_spot, section)
    clear = [(x - view.left, y - _TOP_PX, 13.0, 13.0)]
    where = placed(wanted, width_px=view.across, height_px=view.down, keep_clear=clear)
    for outline, at in zip(chosen, where, strict=True):
        if at is not None:
            yield from _label_text(view, at, _stroke_of(outline, hot_spot))


def _wanted(view: _View, outline: Outline, hot_spot: HotSpot) -> Wanted:
    origin = np.array([view.left, _TOP_PX])
    lines = [_around(view.at(loop.points_mm), loop.closed) - origin for loop in outline.loops]
    if outline.kind is OutlineKind.NOT_KNOWN:
        # In the middle of the longest lines of the hatching there is most room.
        pieces = [(float(np.hypot(*(b - a))), (a + b) / 2) for a, b in slanting(lines)]
        longest = max((length for length, _ in pieces), default=0.0)
        lines = [np.array([middle, middle]) for length, middle in pieces if length > 0.9 * longest] or lines
    on_line = outline.kind in (OutlineKind.ISODOSE, OutlineKind.NOT_KNOWN)
    return Wanted(text=label_of(outline, hot_spot), lines=lines, on_line=on_line)


def _around(points: Floats, closed: bool) -> Floats:
    return np.vstack([points, points[:1]]) if closed else points


def _label_text(view: _View, at: Placed, stroke: _Stroke) -> Iterator[str]:
    bold = "bold" if stroke.width > 2 else ""
    yield from haloed(
        at.x_px + view.left,
        at.y_px + _TOP_PX + FONT_PX * 0.36,
        at.text,
        size=FONT_PX,
        weight=bold,
        fill=stroke.colour,
    )


def _margins(view: _View, hot_spot: HotSpot, section: Section) -> Iterator[str]:
    """What stands around the frame: where it lies, its edges, the scale, and the dose at the hot spot."""
    middle_x, middle_y = view.left + view.across / 2, _TOP_PX + view.down / 2
    right, bottom = view.left + view.across, _TOP_PX + view.down
    yield text_at(_SIDE_PX, 14, title_of(section), size=12, weight="bold")
    first, second, upper, lower = (word[0].upper() for word in section.plane.edges)
    yield text_at(view.left - 11, middle_y + 5, first, size=14, weight="bold", anchor="middle")
    yield text_at(right + 11, middle_y + 5, second, size=14, weight="bold", anchor="middle")
    yield text_at(middle_x, _TOP_PX - 6, upper, size=14, weight="bold", anchor="middle")
    yield text_at(middle_x, bottom + 16, lower, size=14, weight="bold", anchor="middle")
    bar_mm = 20 if section.extent.width_mm >= 60 else 10
    length, y = bar_mm * view.scale, bottom + 34
    yield (
        f'<path d="M{px(_SIDE_PX)} {px(y - 4)}v8m0 -4h{px(length)}m0 -4v8" fill="none" '
        f'stroke="{_INK}" stroke-width="1.6"/>'
    )
    yield text_at(_SIDE_PX + length + 6, y + 4, f"{bar_mm} mm", size=11)
    yield text_at(_SIDE_PX, y + 21, value_of(hot_spot), size=11)
