"""Rules on how courses lie to each other: organs of two structure sets held against each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.registrations import NoPath
from dosecalc.roles import AssignedPlan
from dosecalc.rules import OrgansAgree, Rule
from dosecalc.structures import Structure, StructureSet
from dosecalc.transforms import apply

Floats = npt.NDArray[np.float64]
_LEAST_COMMON_MM = 5.0
"""Of a cord or vessel that two sets share less of, whole centroids are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """How far an organ of another structure set lies from that of the reference, and where that set is."""

    organ: str
    mm: float
    where: str

    def __str__(self) -> str:
        return f"{self.organ} of {self.where} lies {self.mm:.1f} mm from that of the structures of the sum"


def organs_agree(context: Context, rule: Rule, test: OrgansAgree) -> Iterator[Finding]:
    """Each organ of each other structure set that is used, once it is registered."""
    try:
        reference = context.structure_set()
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    others = list(other_sets(context, reference))
    unseen = list(_without_set(context))
    for assigned in unseen:
        text = (
            f"{assigned.name}: its structure set is not in the folder: nothing shows whether its organs lie "
        )
        yield not_evaluated(rule, f"{text}where those of the sum do", plan=assigned.plan.label)
    if not others and not unseen:
        text = "all plans that have a structure set here share one"
        yield finding(rule, Outcome.PASS, text)
    for structure_set in others:
        name = structure_set.source or structure_set.uid
        offsets = list(_offsets(context, test, reference, structure_set))
        if not offsets:
            organs = ", ".join((*test.structures, *test.along))
            text = f"{name}: expected one of {organs} there and in the structures of the sum, found none"
            if not _is_linked(context, structure_set, reference):
                text = f"{name}: nothing places its frame of reference in that of the sum"
            yield not_evaluated(rule, f"{text}: nothing shows whether both lie alike")
        for offset in offsets:
            yield _finding(rule, test, offset)


def _is_linked(context: Context, one: StructureSet, other: StructureSet) -> bool:
    """Whether any contour of one set has a place in the frame of the other; so it is where there is none."""
    frames = [{s.frame_uid for s in structure_set} for structure_set in (one, other)]
    return not frames[0] or any(_links(context, start, end) for start in frames[0] for end in frames[1])


def _links(context: Context, start: str, end: str) -> bool:
    try:
        return not isinstance(context.case.frames.path(start, end), NoPath)
    except DosecalcError:
        return False  # registrations that contradict each other: the rule on frames says so


def _finding(rule: Rule, test: OrgansAgree, offset: Offset) -> Finding:
    apart = not test.holds(offset.mm)
    text = f"{offset} (expected at most {test.at_most_mm:g} mm)"
    if apart:
        text += ": the registration, or its direction, or the anatomy is not what the sum takes it for"
    return replace(
        finding(rule, Outcome.UNCERTAIN if apart else Outcome.PASS, text, structure=offset.organ),
        band=Band(value=offset.mm),
        deciding=Interval.exactly(offset.mm),
        limit=test.at_most_mm,
        comparison="<=",
        unit="mm",
    )


def displaced(context: Context) -> tuple[str, ...]:
    """Organs that do not, or of which nothing shows that they do, lie where the sum takes them to lie."""
    if context.displaced is None:
        context.displaced = tuple(dict.fromkeys(_displaced(context)))
    return context.displaced


def _displaced(context: Context) -> Iterator[str]:
    try:
        reference = context.structure_set()
    except DosecalcError:
        return  # then there is no sum
    for rule in context.protocol.rules:
        if isinstance(rule.test, OrgansAgree):
            unseen = set()
            for structure_set in other_sets(context, reference):
                offsets = list(_offsets(context, rule.test, reference, structure_set))
                yield from (str(offset) for offset in offsets if not rule.test.holds(offset.mm))
                if not offsets:
                    unseen.add(structure_set.uid)
            for assigned in _registered(context, reference):
                own = context.case.structure_set_of(assigned.plan)
                if own is None or own.uid in unseen:
                    yield f"{assigned.name} is registered, and no organ of its own shows whether rightly"


def _without_set(context: Context) -> Iterator[AssignedPlan]:
    """Plans whose dose is in the sum, and whose structure set is not in the folder."""
    for assigned in context.treatment.plans:
        known = context.treatment.ledger.of_plan(assigned.plan.uid).known()
        if len(known) and context.case.structure_set_of(assigned.plan) is None:
            yield assigned


def _registered(context: Context, reference: StructureSet) -> Iterator[AssignedPlan]:
    """Plans whose dose enters the sum by a registration."""
    here = {s.frame_uid for s in reference if s.frame_uid}
    for assigned in context.treatment.plans:
        grids = context.treatment.ledger.of_plan(assigned.plan.uid).known().grids()
        elsewhere = {g.frame_uid for g in grids if g.frame_uid and g.frame_uid not in here}
        if any(_links(context, to, uid) for to in here for uid in elsewhere):
            yield assigned


def other_sets(context: Context, reference: StructureSet) -> Iterator[StructureSet]:
    """Structure sets of plans whose dose is in the sum, besides the one that it is taken in."""
    used = {p.plan.structure_set_uid for p in context.treatment.plans}
    yield from (s for s in context.case.structure_sets if s.uid in used and s.uid != reference.uid)


def _offsets(
    context: Context, test: OrgansAgree, reference: StructureSet, other: StructureSet
) -> Iterator[Offset]:
    for organ in (*test.structures, *test.along):
        try:
            here, there = context.find(organ, reference), context.find(organ, other)
            mm = _apart_mm(context, here, there, along=organ in test.along)
        except DosecalcError:
            continue  # not contoured in both, or not linked: the rule on frames says so
        if mm is not None:
            yield Offset(organ=organ, mm=mm, where=other.source or other.uid)


def _apart_mm(context: Context, here: Structure, there: Structure, *, along: bool) -> float | None:
    """Distance of centroids in the frame of the first; None where the second has no place in it."""
    path = context.case.frames.path(there.frame_uid, here.frame_uid)
    if isinstance(path, NoPath):
        return None
    first, second = (context.quadrature(s) for s in (here, there))
    points, weights = first.centres_xyz_mm(), first.weights_cm3()
    moved, others = apply(path, second.centres_xyz_mm()), second.weights_cm3()
    known = np.isfinite(moved).all(axis=1)
    moved, others = moved[known], others[known]
    if not len(moved):
        return None
    if along:
        low = max(points[:, 2].min(), moved[:, 2].min())
        high = min(points[:, 2].max(), moved[:, 2].max())
        if high - low >= _LEAST_COMMON_MM:
            points, weights = _within(points, weights, low, high)
            moved, others = _within(moved, others, low, high)
    apart = np.average(points, axis=0, weights=weights) - np.average(moved, axis=0, weights=others)
    return float(np.linalg.norm(apart))


def _within(points: Floats, weights: Floats, low_mm: float, high_mm: float) -> tuple[Floats, Floats]:
    inside = (points[:, 2] >= low_mm) & (points[:, 2] <= high_mm)
    return points[inside], weights[inside]
