"""Rules on where structures lie to each other: inside and apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dosecalc.celldoses import body_of
from dosecalc.checking.context import Context, Region, each_structure, finding
from dosecalc.checking.judging import digits
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.rules import Containment, Overlap, Rule
from dosecalc.solids import volume_mm3
from dosecalc.structures import difference, intersection

Floats = npt.NDArray[np.float64]


def _volume_cm3(context: Context, region: Region) -> float:
    if volume_mm3(body_of(region, context.settings)) <= 0:
        return 0.0  # a derived structure of two sound ones that bounds nothing is empty
    return context.quadrature(region).volume_cm3


def containment(context: Context, rule: Rule, test: Containment) -> Iterator[Finding]:
    """How much of a structure lies outside another."""

    def judge_one(name: str) -> Finding:
        structure_set = context.set_of(context.plan_with_role(test.role))
        inner, outer = context.find(name, structure_set), context.find(test.inside, structure_set)
        for structure in (inner, outer):
            context.quadrature(structure)  # unreadable contours are an error, not an empty rest
        outside = _volume_cm3(context, difference(inner, outer))
        text = f"{digits(outside, test.at_most_cm3)} cm3 of {name} lie outside {test.inside}"
        return _volume_finding(rule, name, outside, test.at_most_cm3, text)

    yield from each_structure(rule, (test.structure,), judge_one)


def overlap(context: Context, rule: Rule, test: Overlap) -> Iterator[Finding]:
    """How much of a structure lies in the target that a role is prescribed to."""

    def judge_one(name: str) -> Finding:
        assigned = context.plan_with_role(test.role)
        target = context.target_of(assigned)
        structure = context.find(name, context.set_of(assigned))
        for region in (structure, target):
            context.quadrature(region)
        shared = _volume_cm3(context, intersection(structure, target))
        text = f"{digits(shared, test.at_most_cm3)} cm3 of {name} lie in {target.name!r}, "
        text += f"the target of {assigned.plan.label!r}"
        return _volume_finding(rule, name, shared, test.at_most_cm3, text)

    yield from each_structure(rule, test.structures, judge_one)


def _volume_finding(rule: Rule, name: str, volume: float, limit: float, text: str) -> Finding:
    return replace(
        finding(
            rule,
            Outcome.PASS if volume <= limit else Outcome.FAIL,
            f"{text} (expected at most {limit:g} cm3)",
            structure=name,
        ),
        band=Band(value=volume),
        deciding=Interval.exactly(volume),
        limit=limit,
        comparison="<=",
        unit="cm3",
    )
