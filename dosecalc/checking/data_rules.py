"""Rules on the input itself: is everything there, linked, approved, and does the dose hold what it says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from dosecalc.checking.context import Context, each_structure, finding, not_evaluated
from dosecalc.checking.sums import missing_from_sum
from dosecalc.checking.target_rules import target_ratio
from dosecalc.doses import SeveralPlans, is_earlier
from dosecalc.errors import DosecalcError, FrameError
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.registrations import NoPath
from dosecalc.roles import AssignedPlan
from dosecalc.rules import (
    CumulativeLimit,
    DoseMatchesPrescription,
    Level,
    PriorCourse,
    Rule,
    StructuresPresent,
)


def prior_course(context: Context, rule: Rule, test: PriorCourse) -> Iterator[Finding]:
    """The course exists; where its dose is missing, the cumulative sum is incomplete and says so."""
    ledger = context.treatment.ledger.course(test.course)
    if not len(ledger):
        text = f"nothing is known of a {test.course} course; cumulative sums lack it. State it in case.toml"
        yield finding(rule, Outcome.NOT_EVALUATED, text)
    elif ledger.missing():
        text = "; ".join(ledger.missing()) + ": cumulative sums of dose are incomplete"
        yield finding(rule, Outcome.PASS, text)
    else:
        yield finding(rule, Outcome.PASS, f"the {test.course} course is here with its dose")


def plan_status(context: Context, rule: Rule) -> Iterator[Finding]:
    """Each plan: REJECTED fails, not approved warns, and so does a dose that is older than its plan."""
    for assigned in context.treatment.plans:
        plan = assigned.plan
        doses = [d for d in context.case.doses_of(plan.uid) if not isinstance(d.holds, SeveralPlans)]
        older = [d for d in doses if is_earlier(d.created, plan.created)]
        if plan.approval == "REJECTED":
            outcome, text = Outcome.FAIL, "ApprovalStatus is REJECTED"
        elif older:
            outcome = Outcome.FAIL
            text = ", ".join(
                f"{d.source} ({d.created}) is older than the plan ({plan.created})" for d in older
            )
        elif plan.approval != "APPROVED":
            outcome = Outcome.UNCERTAIN
            text = f"ApprovalStatus is {plan.approval or 'absent'}: not approved yet, as far as the file says"
        else:
            outcome, text = Outcome.PASS, "approved, and no dose is older than it"
        made = "; ".join(dict.fromkeys(d.made_by for d in doses if d.made_by))
        origin = f"; dose by {made}" if made else "; the dose does not say how it was computed"
        yield finding(rule, outcome, f"{assigned.name}: {text}{origin}", plan=plan.label)


def dose_matches(context: Context, rule: Rule, test: DoseMatchesPrescription) -> Iterator[Finding]:
    """Each plan's median target dose over its prescription; a dose out of range is taken out of all sums."""
    if not context.treatment.plans:
        yield not_evaluated(rule, "no plan has a role")
    for assigned in context.treatment.plans:
        label = assigned.plan.label
        try:
            ratio, target = target_ratio(context, assigned)
        except DosecalcError as error:
            yield not_evaluated(rule, error, plan=label)
            context.treatment = context.treatment.without_dose(
                assigned.plan.uid, f"its dose was not held against its prescription: {error}"
            )
            continue
        inside = test.low <= ratio.low and ratio.high <= test.high
        text = f"{assigned.name}: median dose in {target!r} over the prescription is {ratio.value:.4g}"
        text += f" (expected {test.low:g} to {test.high:g})"
        if not inside:
            text += _named_ratio(assigned, ratio) + "; every rule on this dose is NOT EVALUATED"
            context.treatment = context.treatment.without_dose(
                assigned.plan.uid,
                f"{assigned.name}: its dose is {ratio.value:.4g} times the prescription, so it is not used",
            )
        yield replace(
            finding(
                rule, Outcome.PASS if inside else Outcome.NOT_EVALUATED, text, structure=target, plan=label
            ),
            band=Band(value=ratio.value),
            deciding=ratio,
            comparison=f"{test.low:g} to {test.high:g}",
            unit="ratio",
        )


def _named_ratio(assigned: AssignedPlan, ratio: Interval) -> str:
    """What a ratio of 1/n or n gives away."""
    if not ratio.is_bounded:
        return ": part of the target lies outside the dose"
    n = assigned.fractions or 1
    if n > 1 and abs(ratio.value * n - 1) < 0.15:
        return f": that is 1/{n}, as of a grid that holds one fraction and is labelled as the whole plan"
    if n > 1 and abs(ratio.value / n - 1) < 0.15:
        return f": that is {n} times, as of a grid of the whole plan that is labelled as one fraction"
    return ""


def structures_present(context: Context, rule: Rule, test: StructuresPresent) -> Iterator[Finding]:
    """Each structure is there once with a volume, left ones further left than right ones."""

    def judge_one(name: str) -> Finding:
        structure = context.find(name, context.structure_set(test.course))
        quadrature = context.quadrature(structure)
        text = f"{structure.name!r}, {quadrature.volume_cm3:.4g} cm3"
        text += "".join(f"; {note}" for note in quadrature.notes)
        return finding(rule, Outcome.PASS, text, structure=name)

    yield from each_structure(rule, test.structures, judge_one)
    for left, right in zip(test.left, test.right, strict=True):
        try:
            sides = [_centre_x_mm(context, name, test.course) for name in (left, right)]
        except DosecalcError as error:
            if not {left, right} <= set(test.structures):  # else it is said above
                yield not_evaluated(rule, error, structure=left)
            continue
        if sides[0] <= sides[1]:
            text = (
                f"{left} lies at x = {sides[0]:.1f} mm and {right} at x = {sides[1]:.1f} mm, "
                "further left: the sides look exchanged"
            )
            yield not_evaluated(rule, text, structure=left)


def _centre_x_mm(context: Context, name: str, course: str) -> float:
    quadrature = context.quadrature(context.find(name, context.structure_set(course)))
    weights = quadrature.weights_cm3()
    return float(quadrature.centres_xyz_mm()[:, 0] @ weights / weights.sum())


def one_frame(context: Context, rule: Rule) -> Iterator[Finding]:
    """Doses and structures of all courses lie in one frame of reference, or are registered."""
    held = {
        grid.source or grid.uid: grid.frame_uid
        for assigned in context.treatment.plans
        for grid in context.case.doses_of(assigned.plan.uid)
    }
    if not held:
        reasons = "; ".join(context.treatment.ledger.missing()) or "no dose belongs to any course"
        yield not_evaluated(rule, f"no dose can be used: {reasons}")
        return
    for assigned in context.treatment.plans:
        for structure in context.case.structure_set_of(assigned.plan) or ():
            if structure.contours:
                held[f"structure {structure.name!r}"] = structure.frame_uid
    frames = list(dict.fromkeys(uid for uid in held.values() if uid))
    problems = [
        text
        for first, second in itertools.combinations(frames, 2)
        if (text := _why_unlinked(context, first, second))
    ]
    nameless = [name for name, uid in held.items() if not uid]
    if problems:
        yield not_evaluated(rule, "; ".join(problems))
    elif nameless and frames:
        yield not_evaluated(rule, f"no frame of reference is named for {', '.join(nameless)}")
    elif len(frames) > 1:
        remarks = [text for r in context.case.registrations for text in r.remarks()]
        text = f"{len(frames)} frames of reference, all registered"
        yield finding(rule, Outcome.PASS, "; ".join((text, *remarks)))
    else:
        yield finding(rule, Outcome.PASS, "all doses and structures share one frame of reference")


def _why_unlinked(context: Context, first: str, second: str) -> str:
    """Why two frames have no way between them, or no single one; empty where they have."""
    try:
        path = context.case.frames.path(first, second)
    except FrameError as error:
        return str(error)
    return str(path) if isinstance(path, NoPath) else ""


def cumulative_table(context: Context, rule: Rule) -> Iterator[Finding]:
    """Says so where no rule judges cumulative organ dose, or where a sum lacks a dose."""
    limits = [r for r in context.protocol.rules if isinstance(r.test, CumulativeLimit)]
    if not limits:
        text = "cumulative organ dose was not judged: the protocol holds no rule of kind cumulative_limit"
        yield finding(rule, Outcome.NOT_EVALUATED, text)
        return
    required = sum(1 for r in limits if r.level is Level.REQUIRED)
    lacks = missing_from_sum(context)
    text = f"{len(limits)} cumulative limits, {required} of them required"
    yield finding(rule, Outcome.PASS, "; ".join((text, *lacks)))
