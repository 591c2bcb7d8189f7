"""Lines with fewer points."""

from __future__ import annotations

import numpy as np
import pytest

from dosecalc.report.polylines import simplified

FULL_CIRCLE = np.linspace(0, 2 * np.pi, 720)
LINES = {
    "circle, closed": 50 * np.stack([np.cos(FULL_CIRCLE), np.sin(FULL_CIRCLE)], axis=1),
    "steps": np.stack([np.repeat(np.arange(60.0), 2)[1:], np.repeat(np.arange(60.0), 2)[:-1]], axis=1),
    "wandering, and back over itself": np.cumsum(np.random.default_rng(3).normal(size=(400, 2)), axis=0),
    "one point twice": np.ones((2, 2)),
    "one point": np.ones((1, 2)),
}


@pytest.mark.parametrize("tolerance", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("name", LINES)
def test_a_line_is_off_by_no_more_than_it_may(name: str, tolerance: float) -> None:
    """Every point left out lies so near to the straight line between those that are kept around it."""
    line = LINES[name]
    few = simplified(line, tolerance)
    assert few[[0, -1]].tolist() == line[[0, -1]].tolist()
    place = 0
    for point in line:
        if place + 1 < len(few) and np.array_equal(point, few[place + 1]):
            place += 1
        start, end = few[place], few[min(place + 1, len(few) - 1)]
        length = np.hypot(*(end - start))
        cross = (point - start)[0] * (end - start)[1] - (point - start)[1] * (end - start)[0]
        assert (abs(cross) / length if length else np.hypot(*(point - start))) <= tolerance + 1e-9
    assert place == len(few) - 1, "points of the line, in their order"


def test_what_is_straight_needs_its_ends_only() -> None:
    line = np.stack([np.linspace(0, 30, 50), np.linspace(0, 40, 50)], axis=1)
    assert simplified(line, 1e-9).tolist() == [[0.0, 0.0], [30.0, 40.0]]
    assert len(simplified(LINES["circle, closed"], 0.5)) < 40
