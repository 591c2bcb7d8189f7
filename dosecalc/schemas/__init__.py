"""JSON Schema of what the commands write as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dosecalc.errors import InputError

SCHEMAS = ("check", "remaining", "ledger")


def json_schema(of: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of what a command writes with ``--json``: check, remaining or ledger.

    Every key is in it with its unit; one that is not in it is refused. A number is never NaN or infinite,
    as JSON has no such number: what is not known or not bounded is ``null``.

    Raises
    ------
    InputError : for another name.

    Examples
    --------
    >>> import dosecalc
    >>> dosecalc.json_schema("check")["properties"]["outcome"]["description"]
    'What the required findings come to: the gravest of them.'
    """
    if of not in SCHEMAS:
        raise InputError(f"JSON Schema: expected one of {', '.join(SCHEMAS)}, found {of!r}")
    path = Path(__file__).parent / f"{of}.schema.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
