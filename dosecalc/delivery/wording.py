"""How messages call records, deliveries, plans and amounts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from dosecalc.plans import Group, Plan
from dosecalc.records import BeamDelivery, TreatmentRecord


def record_name(record: TreatmentRecord) -> str:
    """A record, by its file where it has one."""
    return f"treatment record {record.source or record.uid or '(no UID)'}"


def delivery_name(delivery: BeamDelivery) -> str:
    """A delivery within its record."""
    return f"fraction {delivery.fraction}, beam {delivery.beam}"


def delivery_names(found: Iterable[BeamDelivery]) -> str:
    """Several deliveries, each name once."""
    return "; ".join(dict.fromkeys(map(delivery_name, found)))


def plan_name(plan: Plan, group: Group | None = None) -> str:
    """A plan, and the fraction group where it has several."""
    of = f", fraction group {group.number}" if group and len(plan.groups) > 1 else ""
    return f"plan {plan.label!r} ({plan.source or plan.uid}){of}"


def number_or_nothing(meterset: Decimal | None) -> str:
    """A meterset as written."""
    return "nothing" if meterset is None else str(meterset)


def percent(part: Fraction) -> str:
    """A part in percent, rounded away from 100 so that the digits show the side."""
    hundredths = math.floor(part * 10000) if part < 1 else math.ceil(part * 10000)
    return f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".") + " %"


def listed(numbers: Iterable[int]) -> str:
    """Numbers in their order."""
    return ", ".join(map(str, sorted(numbers)))


def ranges(found: Iterable[tuple[int, int]]) -> str:
    """Runs of numbers, each by its ends."""
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in found)


def fraction_numbers(numbers: Iterable[int]) -> str:
    """Fractions in words, neighbours taken together."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return f"fraction{'s' if runs[0][0] != runs[-1][1] else ''} {ranges(runs)}"
