"""A case held against a protocol: every rule gets a finding, and nothing passes by absence."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import assert_never

from dosecalc.case import Case
from dosecalc.checking import (
    calendar_rules,
    cumulative_rules,
    data_rules,
    decision_rules,
    event_rules,
    geometry_rules,
    isodose_rules,
    prescription_rules,
    session_rules,
    target_rules,
)
from dosecalc.checking.context import Context, default_as_of, not_evaluated
from dosecalc.checking.remaining import Allowance, allowances
from dosecalc.checking.structure_doses import stop_doses, structure_doses
from dosecalc.courses import Treatment, build_treatment
from dosecalc.errors import DosecalcError, InputError
from dosecalc.findings import Finding
from dosecalc.protocol import Protocol
from dosecalc.quantities import Bed, Eqd2
from dosecalc.results import CheckResult, DecisionState, StopPoint, overall
from dosecalc.rules import (
    ConsecutiveDays,
    Containment,
    Coverage,
    CumulativeLimit,
    CumulativePrescription,
    CumulativeTable,
    DaysBetween,
    DecisionPoint,
    Distance,
    DoseMatchesPrescription,
    EventOnDays,
    Maintenance,
    NoEventDuring,
    OneFrame,
    Overlap,
    PlanStatus,
    PrescriptionIs,
    PriorCourse,
    Recurrence,
    Rule,
    SessionLimit,
    Span,
    StructuresPresent,
    Weekly,
)
from dosecalc.sampling import DEFAULT_SETTINGS, Settings
from dosecalc.statement import EventKind


def check(
    case: Case,
    protocol: Protocol,
    *,
    as_of: dt.date | None = None,
    after_fraction: int | None = None,
    settings: Settings = DEFAULT_SETTINGS,
) -> CheckResult:
    """Hold a case against a protocol.

    Parameters
    ----------
    case : what was read
    protocol : rules
    as_of : the day of the question; by default that of the last delivered session or event, and
        before treatment where there is none
    after_fraction : the question is what holds after this fraction of the protocol's last course, and
        before the next one; all of the courses before it counts as given
    settings : how finely structures are sampled

    Raises
    ------
    InputError : if nothing can be checked: no plan, dose or structure set, two plans for one role, or a
        case file that contradicts the protocol. Anything else is a finding.

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.protocol import load_protocol
    >>> result = check(read_case("sample_plans/redefine_compliant"), load_protocol("redefine"))
    >>> result.outcome.value
    'PASS'
    """
    context = _context(case, protocol, as_of, after_fraction, settings)
    _end_where_stopped(context)
    findings = _findings(context)
    shown_rules = {r.id for r in protocol.rules if isinstance(r.test, Distance)}
    judged = tuple(f for f in findings if f.rule not in shown_rules)
    return CheckResult(
        outcome=overall(judged),
        findings=judged,
        shown=tuple(f for f in findings if f.rule in shown_rules),
        structures=tuple(structure_doses(context)),
        stop_points=tuple(_stop_points(context, judged)),
        assumptions=_assumptions(context),
        problems=case.problems,
        provenance=_provenance(context),
    )


def remaining(
    case: Case,
    protocol: Protocol,
    *,
    as_of: dt.date | None = None,
    after_fraction: int | None = None,
    settings: Settings = DEFAULT_SETTINGS,
) -> tuple[Allowance, ...]:
    """What is left of each cumulative limit of a protocol: dose, and further fractions of the current plan.

    Parameters and errors are those of :func:`check`.

    Examples
    --------
    >>> from dosecalc.casefile import read_case
    >>> from dosecalc.protocol import load_protocol
    >>> remaining(read_case("sample_plans/redefine_compliant"), load_protocol("redefine"))
    ()
    """
    context = _context(case, protocol, as_of, after_fraction, settings)
    _end_where_stopped(context)
    for rule in protocol.rules:  # a dose that is not what it says enters nothing
        if isinstance(rule.test, DoseMatchesPrescription):
            tuple(_judge(context, rule))
    return tuple(allowances(context))


def _context(
    case: Case, protocol: Protocol, as_of: dt.date | None, after_fraction: int | None, settings: Settings
) -> Context:
    for what, found in (
        ("plan", case.plans),
        ("dose", case.doses),
        ("structure set", case.structure_sets),
    ):
        if not found:
            raise InputError(f"{case.folder}: no readable {what}: nothing can be checked" + _why(case))
    treatment = build_treatment(_known_on(case, as_of), protocol)
    if as_of is not None and after_fraction is not None:
        raise InputError("expected as_of or after_fraction, found both")
    if as_of is not None:
        treatment = _on(treatment, as_of)
    if after_fraction is not None:
        treatment = _after(treatment, protocol, after_fraction)
    return Context(
        case=case,
        protocol=protocol,
        treatment=treatment,
        as_of=as_of or default_as_of(treatment),
        asked_as_of=as_of if after_fraction is None else default_as_of(treatment),
        settings=settings,
    )


def _known_on(case: Case, day: dt.date | None) -> Case:
    """The case with the treatment records there were on a day."""
    if day is None:
        return case
    return replace(case, records=tuple(r for r in case.records if r.date is None or r.date <= day))


def _on(treatment: Treatment, day: dt.date) -> Treatment:
    """The treatment as it stood on a day; sessions that were planned until then and not given are said."""
    ledger = treatment.ledger.as_of(day)
    passed = [s for s in ledger.remaining() if s.date is not None and s.date <= day]
    said = tuple(
        f"WARNING: {course}: {n} sessions were planned until {day}, and nothing says that they were given"
        for course, n in Counter(s.course for s in passed).items()
    )
    return replace(treatment, ledger=ledger, assumptions=(*treatment.assumptions, *said))


def _end_where_stopped(context: Context) -> None:
    """Once a course was stopped, what is left of its plans is no longer ahead."""
    for rule in context.protocol.rules:
        if not isinstance(rule.test, DecisionPoint):
            continue
        try:
            stopped = decision_rules.stand(context, rule.test).state is DecisionState.STOPPED
        except DosecalcError:
            continue  # the rule says why
        treatment, course = context.treatment, rule.test.course
        left = treatment.ledger.course(course).remaining()
        if stopped and len(left):
            ended = f"{course}: stopped; {len(left)} planned sessions are not given and in no sum"
            context.treatment = replace(
                treatment,
                ledger=treatment.ledger.without(left),
                assumptions=(*treatment.assumptions, ended),
            )


def _after(treatment: Treatment, protocol: Protocol, number: int) -> Treatment:
    try:
        ledger = treatment.ledger.after(protocol.courses[-1].name, number)
    except DosecalcError as error:
        raise InputError(f"after_fraction: {error}") from None
    return replace(
        treatment,
        ledger=ledger,
        assumptions=(*treatment.assumptions, f"judged as after fraction {number} of the last course"),
    )


def _why(case: Case) -> str:
    unused = [f"\n  {f.path}: {f.reason}" for f in case.inputs if not f.used]
    return "".join(unused[:10])


def _findings(context: Context) -> tuple[Finding, ...]:
    """Findings in the order of the rules; the dose is held against the prescription before all others.

    A dose that is not what it says must not enter any rule that uses it.
    """
    first = [r for r in context.protocol.rules if isinstance(r.test, DoseMatchesPrescription)]
    others = [r for r in context.protocol.rules if not isinstance(r.test, DoseMatchesPrescription)]
    found = {
        rule.id: tuple(_judge(context, rule)) or (not_evaluated(rule, "the rule judges nothing"),)
        for rule in (*first, *others)
    }
    return tuple(f for rule in context.protocol.rules for f in found[rule.id])


def _judge(context: Context, rule: Rule) -> Iterator[Finding]:
    test = rule.test
    match test:
        case PriorCourse():
            return data_rules.prior_course(context, rule, test)
        case Recurrence():
            return calendar_rules.recurrence(context, rule, test)
        case PlanStatus():
            return data_rules.plan_status(context, rule)
        case DoseMatchesPrescription():
            return data_rules.dose_matches(context, rule, test)
        case PrescriptionIs():
            return prescription_rules.prescription_is(context, rule, test)
        case Coverage():
            return target_rules.coverage(context, rule, test)
        case Containment():
            return geometry_rules.containment(context, rule, test)
        case Overlap():
            return geometry_rules.overlap(context, rule, test)
        case ConsecutiveDays():
            return calendar_rules.consecutive_days(context, rule, test)
        case SessionLimit():
            return session_rules.session_limit(context, rule, test)
        case StructuresPresent():
            return data_rules.structures_present(context, rule, test)
        case Span():
            return isodose_rules.span(context, rule, test)
        case Distance():
            return isodose_rules.distance(context, rule, test)
        case DaysBetween():
            return calendar_rules.days_between(context, rule, test)
        case Weekly():
            return calendar_rules.weekly(context, rule, test)
        case EventOnDays():
            return event_rules.event_on_days(context, rule, test)
        case NoEventDuring():
            return event_rules.no_event_during(context, rule, test)
        case Maintenance():
            return event_rules.maintenance(context, rule, test)
        case DecisionPoint():
            return decision_rules.decision_point(context, rule, test)
        case CumulativeLimit():
            return cumulative_rules.cumulative_limit(context, rule, test)
        case CumulativeTable():
            return data_rules.cumulative_table(context, rule)
        case CumulativePrescription():
            return prescription_rules.cumulative_prescription(context, rule, test)
        case OneFrame():
            return data_rules.one_frame(context, rule)
        case _:
            assert_never(test)


def _stop_points(context: Context, findings: tuple[Finding, ...]) -> Iterator[StopPoint]:
    for rule in context.protocol.rules:
        if not isinstance(rule.test, DecisionPoint):
            continue
        found = next(f for f in findings if f.rule == rule.id)
        if found.measured is None:
            continue  # the finding says why there is no such point
        fraction = int(found.measured)
        yield StopPoint(
            rule=rule.id,
            course=rule.test.course,
            dose_gy=float(rule.test.dose_gy),
            fraction=fraction,
            fractions=max(s.day for s in context.treatment.planned.course(rule.test.course)),
            given=len(context.treatment.ledger.course(rule.test.course).delivered().whole_days()),
            state=decision_rules.stand(context, rule.test).state,
            date=found.due,
            readings=found.shown_readings,
            doses=tuple(stop_doses(context, rule.test.course, fraction)),
        )


def _assumptions(context: Context) -> tuple[str, ...]:
    """Everything that was taken without being stated."""
    settings = context.settings
    matched = [
        f"{name} = {roi!r}"
        for (name, _), roi in sorted(context.matches.items())
        if name not in context.case.statement.structures
    ]
    said = [f"{name} = {roi!r}" for name, roi in context.case.statement.structures.items()]
    lost = [f"WARNING: {text}" for text in context.treatment.lost]
    if context.treatment.unassigned:
        lost.append("state the role of such a plan in case.toml, or why it is left out: ignore")
    lost.extend(_unasked(context))
    judged = any(isinstance(r.test, DecisionPoint) for r in context.protocol.rules)
    stated = [
        ("" if judged or e.kind is not EventKind.ULCER else "WARNING: no rule judges it: ")
        + f"event on {e.date}: {e.kind.value} {e.detail}".rstrip()
        for e in context.treatment.ledger.events
    ]
    reference = _reference(context)
    before = "before treatment" if context.as_of is None else str(context.as_of)
    return (
        *lost,
        *context.treatment.assumptions,
        *([f"structures as stated: {', '.join(said)}"] if said else []),
        *([f"structures taken by name: {', '.join(dict.fromkeys(matched))}"] if matched else []),
        *stated,
        *reference,
        f"judged as of: {before}",
        f"slices hold for half their spacing up and down (end caps: {settings.end_caps.value}); a voxel's "
        "dose holds for the whole voxel",
        "linear-quadratic model with the a/b of the protocol, complete repair between sessions, no "
        "recovery of prior dose, no repopulation",
    )


def _unasked(context: Context) -> Iterator[str]:
    """What nobody stated or asked for, and what follows from that."""
    rules = context.protocol.rules
    if not any(isinstance(r.test, DoseMatchesPrescription) for r in rules):
        yield "WARNING: no rule of the protocol holds the doses against their prescriptions"
    if context.protocol.changed_rules:
        changed = ", ".join(context.protocol.changed_rules)
        yield f"WARNING: {context.protocol.path} changes rules of the protocol it extends: {changed}"
    yield from _unfound(context)
    for course in context.treatment.ledger.courses:
        ledger = context.treatment.ledger.course(course)
        stated = context.case.statement.course(course)
        if context.treatment.of_course(course) and all(s.date is None for s in ledger):
            yield f"WARNING: {course}: no dates are stated, so rules on its calendar judge nothing"
        silent = stated.delivered is None and not len(ledger.delivered())
        if context.treatment.of_course(course) and silent:
            yield f"{course}: nothing is stated of fractions delivered; taken as none"
    for rule in rules:
        if isinstance(rule.test, CumulativeLimit) and isinstance(rule.test.goal.quantity, Bed | Eqd2):
            limit = rule.test.goal.quantity.alpha_beta_gy
            for name in rule.test.structures:
                own = context.protocol.structure(name).alpha_beta_gy
                if own != limit:
                    yield f"{rule.id}: {name} is judged at the limit's a/b {limit:g}, not {own:g} Gy"


def _unfound(context: Context) -> Iterator[str]:
    """Structures that are stated and cannot be taken as stated."""
    try:
        structure_set = context.structure_set()
    except DosecalcError:
        return  # the rules say so
    for name in context.case.statement.structures:
        try:
            context.find(name, structure_set)
        except DosecalcError as error:
            yield f"WARNING: {error}"


def _reference(context: Context) -> Iterator[str]:
    """Whose structures the sums over all courses are taken in."""
    try:
        found = context.structure_set()
    except DosecalcError:
        return  # the rules say so
    last = context.treatment.plans[-1]
    if context.case.structure_set_of(last.plan) is None:
        yield f"WARNING: the structure set of {last.name} is not in the folder"
    yield f"sums over all courses are taken in the structures of {found.source or found.uid}"


def _provenance(context: Context) -> dict[str, object]:
    try:
        own_version = version("dosecalc")
    except PackageNotFoundError:
        own_version = "not installed"
    return {
        "dosecalc": own_version,
        "numpy": version("numpy"),
        "scipy": version("scipy"),
        "pydicom": version("pydicom"),
        "protocol": {
            "name": context.protocol.name,
            "title": context.protocol.title,
            "source": context.protocol.source,
            "file": context.protocol.path,
            "sha256": context.protocol.sha256,
        },
        "as_of": context.as_of.isoformat() if context.as_of else None,
        "settings": {
            "cells": context.settings.cells,
            "min_cell_mm": context.settings.min_cell_mm,
            "max_cell_mm": context.settings.max_cell_mm,
            "end_caps": context.settings.end_caps.value,
        },
        "inputs": [
            {
                "path": f.path,
                "kind": f.kind,
                "uid": f.uid,
                "sha256": f.sha256,
                "used": f.used,
                "reason": f.reason,
            }
            for f in context.case.inputs
        ],
        "plans": [
            {
                "uid": p.plan.uid,
                "label": p.plan.label,
                "roles": list(p.roles),
                "course": p.course,
                "fractions": p.fractions,
            }
            for p in context.treatment.plans
        ],
    }
