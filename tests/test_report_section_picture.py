"""The picture of a section: what stands where, in black and white, safe and small."""

from __future__ import annotations

import base64
import io
import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from cases import COARSE, LEFT, box, redefine
from PIL import Image
from test_checking_hot_spots import left_spot, linear_case, peaked_case

from dosecalc.checking import check
from dosecalc.errors import DosecalcError
from dosecalc.report.section_picture import section_svg
from dosecalc.sections import Extent, GreyImage, HotSpot, Loop, Outline, OutlineKind, Plane, Section

SVG = "{http://www.w3.org/2000/svg}"
INK = {
    OutlineKind.JUDGED: "#000000",
    OutlineKind.TARGET: "#1b4a9c",
    OutlineKind.STRUCTURE: "#444444",
}


def parsed(spot: HotSpot, section: Section) -> ET.Element:
    return ET.fromstring(section_svg(spot, section))


def points_of(path: ET.Element) -> np.ndarray:
    numbers = re.findall(r"-?\d+\.?\d*", path.get("d", ""))
    return np.array(numbers, dtype=np.float64).reshape(-1, 2)


def lines(picture: ET.Element, colour: str, *, width: str | None = None) -> list[ET.Element]:
    found = [p for p in picture.iter(f"{SVG}path") if p.get("stroke") == colour]
    return [p for p in found if width is None or p.get("stroke-width") == width]


def texts(picture: ET.Element) -> dict[str, tuple[float, float]]:
    return {
        str(t.text): (float(t.get("x", "nan")), float(t.get("y", "nan"))) for t in picture.iter(f"{SVG}text")
    }


MARKERS = {
    "left": ((44, -3, -3), (50, 3, 3)),
    "front": ((27, -24, -3), (33, -18, 3)),
    "above": ((27, -3, 34), (33, 3, 40)),
}
EXPECTED = {
    (Plane.AXIAL, "left"): (1, 0),
    (Plane.AXIAL, "front"): (0, -1),
    (Plane.CORONAL, "left"): (1, 0),
    (Plane.CORONAL, "above"): (0, -1),
    (Plane.SAGITTAL, "front"): (-1, 0),
    (Plane.SAGITTAL, "above"): (0, -1),
}


class TestOrientation:
    """A marker left of, in front of and above the carotid comes out to the right, at the top, at the top."""

    @pytest.mark.parametrize(("plane", "name"), EXPECTED)
    def test_of_a_marker(self, plane: Plane, name: str) -> None:
        low, high = MARKERS[name]
        marker = replace(box(name=name, low=low, high=high, spacing_mm=2.0), number=100)
        small = box(name=LEFT, low=(27, -3, -6), high=(33, 3, 6), spacing_mm=2.0)
        spot = left_spot(peaked_case(structures={LEFT: small, name: marker}))
        section = next(s for s in spot.sections if s.plane is plane)
        picture = parsed(spot, section)
        order = [o.name for o in section.of(OutlineKind.STRUCTURE)]
        drawn = lines(picture, INK[OutlineKind.STRUCTURE])
        assert len(drawn) == len(order)
        place = points_of(drawn[order.index(name)]).mean(axis=0)
        judged = points_of(lines(picture, INK[OutlineKind.JUDGED], width="2.6")[0]).mean(axis=0)
        across, down = place - judged
        towards = EXPECTED[plane, name]
        assert (across * towards[0] + down * towards[1]) > 20
        assert abs(across * towards[1] + down * towards[0]) < 8

    @pytest.mark.parametrize(
        ("plane", "letters"), [(Plane.AXIAL, "RLAP"), (Plane.CORONAL, "RLSI"), (Plane.SAGITTAL, "APSI")]
    )
    def test_letters_stand_at_the_edges(self, plane: Plane, letters: str) -> None:
        spot = left_spot(peaked_case())
        section = next(s for s in spot.sections if s.plane is plane)
        picture = parsed(spot, section)
        frame = next(r for r in picture.iter(f"{SVG}rect") if r.get("fill") == "none")
        left, top, width, height = (float(frame.get(k, "nan")) for k in ("x", "y", "width", "height"))
        where = texts(picture)
        first, second, upper, lower = (where[letter] for letter in letters)
        assert first[0] < left < left + width < second[0]
        assert upper[1] < top < top + height < lower[1]


def test_places_and_scale_are_those_of_the_patient() -> None:
    """The 3 Gy isodose lies at x = 5 mm, the carotid from 28 to 32 mm, and the bar is 20 mm long."""
    spot = left_spot(linear_case())
    picture = parsed(spot, spot.sections[0])
    judged = points_of(lines(picture, INK[OutlineKind.JUDGED], width="2.6")[0])
    limit = points_of(lines(picture, "#a50f15", width="2.6")[0])
    scale = np.ptp(judged[:, 0]) / 4.0
    assert np.ptp(limit[:, 0]) == 0.0
    assert (judged[:, 0].min() - limit[0, 0]) / scale == pytest.approx(28 - 5, abs=0.4)
    bar = next(p.get("d", "") for p in picture.iter(f"{SVG}path") if "h" in p.get("d", ""))
    length = float(re.search(r"h([\d.]+)", bar).group(1))  # type: ignore[union-attr]
    frame = next(r for r in picture.iter(f"{SVG}rect") if r.get("fill") == "none")
    per_mm = float(frame.get("width", "nan")) / spot.sections[0].extent.width_mm
    assert length == pytest.approx(20 * per_mm, abs=0.06)
    assert scale == pytest.approx(per_mm, rel=0.02)
    assert "20 mm" in texts(picture)


def test_the_cross_is_at_the_hot_spot_and_leaves_it_free() -> None:
    spot = left_spot(peaked_case())
    for section in spot.sections:
        picture = parsed(spot, section)
        cross = points_of(lines(picture, "#000000", width="1.6")[0])
        frame = next(r for r in picture.iter(f"{SVG}rect") if r.get("fill") == "none")
        left, top, width = (float(frame.get(k, "nan")) for k in ("x", "y", "width"))
        per_mm = width / section.extent.width_mm
        offset = section.plane.across_down(spot.xyz_mm) - [section.extent.left_mm, section.extent.top_mm]
        assert cross.mean(axis=0) == pytest.approx(offset * per_mm + [left, top], abs=0.1)
        assert np.hypot(*(cross - cross.mean(axis=0)).T).min() > 3.5


def test_lines_are_told_apart_without_colours() -> None:
    spot = left_spot(peaked_case())
    picture = parsed(spot, spot.sections[0])
    kinds = {
        (p.get("stroke-width"), p.get("stroke-dasharray", ""))
        for colour in (*INK.values(), "#a50f15", "#7a4a00")
        for p in lines(picture, colour)
        if "h" not in p.get("d", "") and p.get("stroke-width") != "1.6"
    }
    drawn = spot.sections[0].outlines
    levels = {o.dose_gy for o in drawn if o.kind is OutlineKind.ISODOSE}
    assert len(kinds) == len(INK) + len(levels)
    shown = texts(picture)
    assert {f"{'limit ' if gy == 3 else ''}{gy:g} Gy" for gy in levels if gy} <= set(shown)
    assert LEFT in shown


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_of_every_line_and_text_to_white() -> None:
    spot = left_spot(peaked_case())
    seen = set(re.findall(r'(?:stroke|fill)="(#[0-9a-f]{6})"', section_svg(spot, spot.sections[1])))
    assert len(seen) > 4
    for colour in seen - {"#ffffff"}:
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_in_words() -> None:
    spot = left_spot(peaked_case())
    picture = parsed(spot, spot.sections[0])
    assert picture.get("role") == "img"
    title, words = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert title is not None and words is not None and title.text and words.text
    assert title.text == f"axial, z = {spot.xyz_mm[2]:.1f} mm: hot spot of {LEFT}"
    for part in ("limit &lt; 3 Gy", "dose of the induction session", "isodoses: ", "target: GTVp"):
        assert part.replace("&lt;", "<") in words.text
    assert "right at the left; left at the right; anterior at the top" in words.text
    assert "no image under it" in words.text


def sized(spot: HotSpot, **changes: object) -> HotSpot:
    return replace(spot, **changes)  # type: ignore[arg-type]


HOSTILE = '"><script>alert(1)</script>\x00\x1b[31m\u202e&' + "x" * 10_000


def test_texts_of_files_come_out_harmless_and_short() -> None:
    spot = left_spot(peaked_case())
    section = spot.sections[0]
    named = replace(section, outlines=tuple(replace(o, name=HOSTILE) for o in section.outlines))
    bad = sized(spot, structure=HOSTILE, rule=HOSTILE, quantity=HOSTILE, sections=(named,))
    picture = section_svg(bad, named)
    ET.fromstring(picture)
    assert "<script" not in picture
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", picture)
    assert len(picture) < len(section_svg(spot, section)) + 5_000


def test_nothing_comes_from_elsewhere_and_bytes_are_the_same_again() -> None:
    first = check(peaked_case(), redefine(), settings=COARSE).draw().hot_spots
    second = check(peaked_case(), redefine(), settings=COARSE).draw().hot_spots
    for spot, again in zip(first, second, strict=True):
        for a, b in zip(spot.sections, again.sections, strict=True):
            picture = section_svg(spot, a)
            assert picture == section_svg(again, b)
            assert re.findall(r'(?:href|src|url)\s*[=(]\s*"?(?!data:image/png)', picture) == []
            assert "style" not in picture
            assert "class" not in picture
            assert " id=" not in picture  # several pictures stand in one page


class TestImage:
    EXTENT = Extent(left_mm=-100, right_mm=100, top_mm=-100, bottom_mm=100)

    def spot(self, grey: np.ndarray) -> HotSpot:
        image = GreyImage(grey=grey, extent=self.EXTENT, low_hu=-160, high_hu=240, source="CT0.dcm")
        square = Loop(points_mm=np.array([[-5.0, -5], [5, -5], [5, 5], [-5, 5]]), closed=True)
        outline = Outline(name="cord", kind=OutlineKind.JUDGED, loops=(square,))
        sections = tuple(
            Section(plane=p, position_mm=0, extent=self.EXTENT, outlines=(outline,), grey=image)
            for p in Plane
        )
        return HotSpot(
            rule="R", structure="cord", quantity="dose", unit="Gy", xyz_mm=(0, 0, 0), value=4, limit=3,
            comparison="<", sections=sections,
        )  # fmt: skip

    def test_the_grey_values_are_in_the_picture(self) -> None:
        grey = np.arange(40_000).reshape(200, 200).astype(np.uint8)
        spot = self.spot(grey)
        image = parsed(spot, spot.sections[0]).find(f"{SVG}image")
        assert image is not None
        content = base64.b64decode(image.get("href", "").removeprefix("data:image/png;base64,"))
        with Image.open(io.BytesIO(content)) as read:
            alpha = np.array(read.convert("RGBA"))[..., 3]
            assert np.array_equal(np.array(read.convert("L"))[grey > 0], grey[grey > 0])
        assert np.array_equal(alpha > 0, grey > 0)

    def test_lines_have_a_white_one_under_them(self) -> None:
        spot = self.spot(np.full((200, 200), 9, dtype=np.uint8))
        picture = parsed(spot, spot.sections[0])
        (line,) = lines(picture, "#000000", width="2.6")
        under = [p for p in lines(picture, "#ffffff") if p.get("d") == line.get("d")]
        assert [p.get("stroke-width") for p in under] == ["4.2"]

    def test_three_of_the_worst_images_are_small(self) -> None:
        """Noise does not compress: 200 x 200 pixels, three times, in base64."""
        noise = np.random.default_rng(1).integers(0, 256, (200, 200)).astype(np.uint8)
        spot = self.spot(noise)
        assert sum(len(section_svg(spot, s)) for s in spot.sections) < 200_000

    def test_without_pillow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "PIL", None)
        spot = self.spot(np.ones((4, 4), dtype=np.uint8))
        with pytest.raises(DosecalcError, match="expected the package pillow, found none"):
            section_svg(spot, spot.sections[0])


def test_hatching_covers_what_is_not_known_and_nothing_else() -> None:
    """Around a hole: by even and odd, inside the outer loop and outside the inner one."""
    outer, inner = (np.array([[-h, -h], [h, -h], [h, h], [-h, h]]) for h in (30.0, 10.0))
    loops = tuple(Loop(points_mm=p, closed=True) for p in (outer, inner))
    extent = Extent(left_mm=-40, right_mm=40, top_mm=-40, bottom_mm=40)
    unknown = Outline(name="dose not known", kind=OutlineKind.NOT_KNOWN, loops=loops)
    section = Section(plane=Plane.AXIAL, position_mm=0, extent=extent, outlines=(unknown,))
    spot = HotSpot(
        rule="R", structure="cord", quantity="dose", unit="Gy", xyz_mm=(0, 0, 0), value=4, limit=3,
        comparison="<", sections=(section,), at_least=True,
    )  # fmt: skip
    picture = parsed(spot, section)
    ends = points_of(lines(picture, "#606060")[0]).reshape(-1, 2, 2)
    frame = next(r for r in picture.iter(f"{SVG}rect") if r.get("fill") == "none")
    left, top, width = (float(frame.get(k, "nan")) for k in ("x", "y", "width"))
    middles = (ends.mean(axis=1) - [left, top]) * 80 / width - 40
    reach = np.abs(middles).max(axis=1)
    assert len(ends) > 20
    assert np.all((reach <= 30.1) & (reach >= 9.9))
    assert "+ at least 4.00 Gy" in texts(picture)
    assert "dose not known" in texts(picture)
