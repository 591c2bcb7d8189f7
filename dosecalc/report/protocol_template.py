"""Templates to begin a protocol of one's own with: whole, or on top of a shipped one."""

from __future__ import annotations

from importlib import resources
from string import Template

from dosecalc.protocol import Protocol
from dosecalc.rules import Level


def protocol_template(base: Protocol | None = None) -> str:
    """The text of a protocol file that is valid as it stands, with examples that are commented out.

    A line of an example begins with ``#`` and no blank; take the sign away and it counts.

    >>> protocol_template().splitlines()[0]
    '# A protocol of your own for dosecalc. It is valid as it stands, and judges little: fill it in.'
    """
    if base is None:
        return _text("protocol.toml")
    # What the examples name is taken from the protocol itself, so that each of them is valid for it.
    advisory = next((r for r in base.rules if r.level is Level.ADVISORY), base.rules[0])
    previous = next((c for c in base.courses if c.previous), base.courses[0])
    return Template(_text("extends.toml")).substitute(
        base=base.name, rule=advisory.id, title=advisory.title, course=previous.name
    )


def _text(name: str) -> str:
    return (resources.files("dosecalc") / "templates" / name).read_text(encoding="utf-8")
