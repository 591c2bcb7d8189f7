"""How far two programs' values for one case lie apart, so that no wrong answer is called fast."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import text_table

Structures = Mapping[str, Mapping[str, Any]]

SMALL_CM3 = 1.1
"""Structures below this are told apart: a voxel or a slice more or less shows in them."""


def compare(ours: Structures, theirs: Structures) -> str:
    """A table of differences: volumes in percent, doses in Gy.

    The number behind a structure is its curve: of the first course, of the second, of their sum where
    both have it.
    """
    rows = []
    for group, names in _groups(ours, theirs):
        found = {name: _volume_percent(ours[name], theirs[name]) for name in names}
        rows.append(_row("volume, %", group, found))
    for metric in ours[next(iter(ours))]["curves"][0]:
        for group, names in _groups(ours, theirs):
            found = {
                f"{name} ({course + 1})": difference
                for name in names
                for course, difference in _dose_gy(ours[name], theirs[name], metric)
            }
            rows.append(_row(f"{metric}, Gy", group, found))
    return text_table.table(("difference", "structures", "median", "largest", "in"), rows)


def _groups(ours: Structures, theirs: Structures) -> Iterator[tuple[str, list[str]]]:
    common = [name for name in ours if name in theirs]
    small = [name for name in common if ours[name]["volume_cm3"] < SMALL_CM3]
    yield f"{SMALL_CM3} cm3 or more", [name for name in common if name not in small]
    yield f"under {SMALL_CM3} cm3", small


def _volume_percent(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    return 100 * (theirs["volume_cm3"] / ours["volume_cm3"] - 1)


def _dose_gy(ours: Mapping[str, Any], theirs: Mapping[str, Any], metric: str) -> Iterator[tuple[int, float]]:
    for course, (mine, other) in enumerate(zip(ours["curves"], theirs["curves"], strict=False)):
        if metric in mine and metric in other:
            yield course, other[metric] - mine[metric]


def _row(what: str, group: str, found: Mapping[str, float]) -> tuple[str, ...]:
    if not found:
        return what, group, "-", "-", "-"
    name = max(found, key=lambda key: abs(found[key]))
    return what, group, f"{np.median(np.abs(list(found.values()))):.3f}", f"{found[name]:+.3f}", name
