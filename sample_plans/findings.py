"""A finding as the expectation has it."""

from __future__ import annotations

from typing import Any

Finding = dict[str, Any]


def finding(rule: str, outcome: str, structure: str = "", **more: Any) -> Finding:
    named = {"structure": structure} if structure else {}
    return {"rule": rule, **named, "outcome": outcome, **more}


def passes(good: bool) -> str:
    return "PASS" if good else "FAIL"
