"""Labels of a figure: none is cut off by its edges, and none lies over another."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dosecalc.report.label_places import Label, place_label

LEFT, RIGHT, TOP, BOTTOM = 52.0, 846.0, 14.0, 372.0
MARKS = st.lists(
    st.tuples(st.integers(1, 60), st.floats(LEFT, RIGHT), st.floats(TOP, BOTTOM)), min_size=1, max_size=8
)


@given(MARKS)
def test_labels_are_inside_and_apart(marks: list[tuple[int, float, float]]) -> None:
    placed: list[Label] = []
    for length, x, y in marks:
        placed.append(place_label("x" * length, x, y, placed, left=LEFT, right=RIGHT, top=TOP))
    for label in placed:
        left, right = label.edges
        assert left >= LEFT - 0.1
        assert right <= RIGHT + 0.1
        assert label.y - 10 >= TOP
    for one, other in itertools.combinations(placed, 2):
        (a, b), (c, d) = one.edges, other.edges
        assert abs(one.y - other.y) >= 14 or b <= c or d <= a


def test_the_nearest_row_that_is_free() -> None:
    first = place_label("R15 (7)", 300.0, 372.0, (), left=LEFT, right=RIGHT, top=TOP)
    beside = place_label("R16 (8)", 360.0, 372.0, [first], left=LEFT, right=RIGHT, top=TOP)
    over = place_label("R16 (8)", 320.0, 372.0, [first], left=LEFT, right=RIGHT, top=TOP)
    assert (first.y, beside.y, over.y) == (360.0, 360.0, 346.0)


def test_at_the_upper_edge_labels_go_down() -> None:
    placed: list[Label] = []
    for _ in range(3):
        placed.append(place_label("R15 (7)", 300.0, TOP, placed, left=LEFT, right=RIGHT, top=TOP))
    assert [label.y for label in placed] == [36.0, 50.0, 64.0]
