"""How far a longer work is, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much."""

_Item = TypeVar("_Item")


def silent(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""


def counted(progress: Progress, what: str, items: Sequence[_Item]) -> Iterator[_Item]:
    """Items one by one, each with word of how many are done.

    >>> for name in counted(lambda *told: print(*told), "files", ["a", "b"]):
    ...     print(name)
    files 0 2
    a
    files 1 2
    b
    files 2 2
    """
    for done, item in enumerate(items):
        progress(what, done, len(items))
        yield item
    progress(what, len(items), len(items))
