"""A case held against a protocol: every rule gets a finding, and nothing passes by absence."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection, Iterator
from typing import assert_never

from dosecalc.book import entries
from dosecalc.case import Case
from dosecalc.checking import (
    calendar_rules,
    cumulative_rules,
    data_rules,
    decision_rules,
    event_rules,
    frame_rules,
    geometry_rules,
    isodose_rules,
    prescription_rules,
    session_rules,
    target_rules,
)
from dosecalc.checking.allowance import Allowances
from dosecalc.checking.allowances import allowances
from dosecalc.checking.assumptions import assumptions
from dosecalc.checking.context import Context, default_as_of, not_evaluated
from dosecalc.checking.decision_fraction import prescribed_gy
from dosecalc.checking.dvh_figures import dvh_figures
from dosecalc.checking.futures import stop_doses, stop_rules
from dosecalc.checking.hot_spots import hot_spots
from dosecalc.checking.standing import as_asked
from dosecalc.checking.structure_doses import structure_doses
from dosecalc.drawings import Drawings
from dosecalc.errors import InputError
from dosecalc.findings import Finding
from dosecalc.progress import Progress, counted, silent
from dosecalc.protocol import Protocol
from dosecalc.provenance import alpha_beta_as_data, inputs_as_data, protocol_as_data, versions
from dosecalc.results import CheckResult, StopPoint, overall
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
    OrgansAgree,
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


def check(
    case: Case,
    protocol: Protocol,
    *,
    as_of: dt.date | None = None,
    after_fraction: int | None = None,
    settings: Settings = DEFAULT_SETTINGS,
    progress: Progress = silent,
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
    progress : told what is being done, how much of it is done, and of how much

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
    findings = _findings(context, progress)
    shown_rules = {r.id for r in protocol.rules if isinstance(r.test, Distance)}
    judged = tuple(f for f in findings if f.rule not in shown_rules)
    structures = tuple(structure_doses(context, progress))
    return CheckResult(
        outcome=overall(judged),
        findings=judged,
        shown=tuple(f for f in findings if f.rule in shown_rules),
        structures=structures,
        stop_points=tuple(_stop_points(context, judged)),
        assumptions=assumptions(context),
        problems=case.problems,
        provenance=_provenance(context, {s.name for s in structures}),
        draw=functools.cache(functools.partial(_drawings, context, judged)),
    )


def _drawings(context: Context, findings: tuple[Finding, ...]) -> Drawings:
    return Drawings(
        figures=dvh_figures(context, findings),
        entries=entries(context.treatment, context.protocol, statement=context.case.statement),
        hot_spots=hot_spots(context, findings),
    )


def remaining(
    case: Case,
    protocol: Protocol,
    *,
    as_of: dt.date | None = None,
    after_fraction: int | None = None,
    settings: Settings = DEFAULT_SETTINGS,
    progress: Progress = silent,
) -> Allowances:
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
    for rule in protocol.rules:  # a dose that is not what it says enters nothing
        if isinstance(rule.test, DoseMatchesPrescription):
            tuple(_judge(context, rule))
    return Allowances(allowances(context, progress))


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
    if as_of is not None and after_fraction is not None:
        raise InputError("expected as_of or after_fraction, found both")
    treatment = as_asked(case, protocol, as_of, after_fraction)
    return Context(
        case=case,
        protocol=protocol,
        treatment=treatment,
        as_of=as_of or default_as_of(treatment),
        asked_as_of=as_of if after_fraction is None else default_as_of(treatment),
        settings=settings,
    )


def _why(case: Case) -> str:
    unused = [f"\n  {f.path}: {f.reason}" for f in case.inputs if not f.used]
    return "".join(unused[:10])


def _findings(context: Context, progress: Progress) -> tuple[Finding, ...]:
    """Findings in the order of the rules; the dose is held against the prescription before all others.

    A dose that is not what it says must not enter any rule that uses it.
    """
    first = [r for r in context.protocol.rules if isinstance(r.test, DoseMatchesPrescription)]
    others = [r for r in context.protocol.rules if not isinstance(r.test, DoseMatchesPrescription)]
    found = {
        rule.id: tuple(_judge(context, rule)) or (not_evaluated(rule, "the rule judges nothing"),)
        for rule in counted(progress, "judging rules", (*first, *others))
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
        case OrgansAgree():
            return frame_rules.organs_agree(context, rule, test)
        case _:
            assert_never(test)


def _stop_points(context: Context, findings: tuple[Finding, ...]) -> Iterator[StopPoint]:
    for rule in context.protocol.rules:
        test = rule.test
        if not isinstance(test, DecisionPoint):
            continue
        found = next(f for f in findings if f.rule == rule.id)
        if found.measured is None:
            continue  # the finding says why there is no such point
        fraction = int(found.measured)
        given = context.treatment.ledger.course(test.course).delivered()
        given_gy = prescribed_gy(context, test, given)
        stands = decision_rules.stand(context, test)
        futures = decision_rules.at_the_point(context, test, fraction), context.treatment.in_full(test.course)
        yield StopPoint(
            rule=rule.id,
            course=test.course,
            dose_gy=float(test.dose_gy),
            fraction=fraction,
            fractions=max(s.day for s in context.treatment.planned.course(test.course)),
            given=len(given.whole_days()),
            given_gy=None if given_gy is None else float(given_gy),
            state=stands.state,
            stopped_on=stands.stopped_on,
            date=found.due,
            readings=found.shown_readings,
            doses=tuple(stop_doses(context, *futures)),
            rules=tuple(stop_rules(context, *futures)),
        )


def _provenance(context: Context, names: Collection[str]) -> dict[str, object]:
    return {
        **versions("dosecalc", "numpy", "scipy", "pydicom"),
        "protocol": protocol_as_data(context.protocol),
        "as_of": context.as_of.isoformat() if context.as_of else None,
        "alpha_beta": alpha_beta_as_data(context.protocol, names),
        "settings": {
            "cells": context.settings.cells,
            "min_cell_mm": context.settings.min_cell_mm,
            "max_cell_mm": context.settings.max_cell_mm,
            "bend_percent": context.settings.bend_percent,
            "end_caps": context.settings.end_caps.value,
            "between": context.settings.between.value,
        },
        "inputs": inputs_as_data(context.case),
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
