"""Places of labels."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dosecalc.report.section_labels import FONT_PX, Wanted, placed, resampled


def circle(radius: float, *, x: float = 100.0, y: float = 100.0, points: int = 90) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, points)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def boxes(wanted: list[Wanted], **size: float) -> list[tuple[float, float, float, float] | None]:
    return [
        None if p is None else (p.x_px, p.y_px, len(p.text) * 0.62 * FONT_PX / 2, 1.15 * FONT_PX / 2)
        for p in placed(wanted, width_px=200, height_px=200, **size)  # type: ignore[arg-type]
    ]


def test_labels_keep_clear_of_each_other_of_the_frame_and_of_the_hot_spot() -> None:
    wanted = [Wanted(text=f"{r} Gy", lines=[circle(r)], on_line=True) for r in (30, 45, 60, 75, 90)]
    wanted += [Wanted(text="A_Carotid_L", lines=[circle(8, x=140)], on_line=False)]
    spot = (140.0, 100.0, 13.0, 13.0)
    found = [b for b in boxes(wanted, keep_clear=[spot]) if b is not None]  # type: ignore[arg-type]
    assert len(found) == len(wanted)
    for (x, y, w, h), (u, v, a, b) in itertools.combinations([*found, spot], 2):
        assert abs(x - u) > w + a or abs(y - v) > h + b
    for x, y, w, h in found:
        assert w <= x <= 200 - w
        assert h <= y <= 200 - h


def test_an_isodose_has_its_dose_on_its_line() -> None:
    (place,) = placed([Wanted(text="3 Gy", lines=[circle(60)], on_line=True)], width_px=200, height_px=200)
    assert place is not None
    assert np.hypot(place.x_px - 100, place.y_px - 100) == pytest.approx(60, abs=0.5)


def test_a_structure_has_its_name_beside_it() -> None:
    (box,) = boxes([Wanted(text="cord", lines=[circle(12)], on_line=False)])
    assert box is not None
    x, y, w, h = box
    line = circle(12)
    assert not np.any((np.abs(line[:, 0] - x) < w) & (np.abs(line[:, 1] - y) < h))


def test_where_there_is_no_room_there_is_no_label() -> None:
    wide = Wanted(text="m" * 40, lines=[circle(60)], on_line=False)
    assert boxes([wide]) == [None]


def test_points_of_a_line() -> None:
    even = resampled(np.array([[0.0, 0], [30, 0], [30, 40]]))
    assert np.hypot(*np.diff(even, axis=0).T) == pytest.approx(5.0)
    assert resampled(np.array([[3.0, 4], [3, 4]])).tolist() == [[3.0, 4.0]]
