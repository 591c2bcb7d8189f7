"""The two futures of a decision point: the course ended there, and the whole of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from dosecalc.checking.context import Context
from dosecalc.checking.cumulative_rules import cumulative_limit
from dosecalc.checking.prescription_rules import cumulative_prescription
from dosecalc.checking.structure_doses import named_structures, sum_metrics
from dosecalc.checking.sums import missing_from_sum
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.quantities import Eqd2, Physical, Quantity, describe
from dosecalc.results import StopDose, StopRule
from dosecalc.rules import CumulativeLimit, CumulativePrescription


def stop_rules(context: Context, ended: Ledger, full: Ledger) -> Iterator[StopRule]:
    """Each rule on the sum of all courses when a course ends at a decision point, beside the full course."""
    at_stop, whole = (_judged(context, ledger) for ledger in (ended, full))
    for stop, end in zip(at_stop, whole, strict=True):
        yield StopRule(
            rule=stop.rule, structure=stop.structure, level=stop.level, unit=stop.unit, limit=stop.limit,
            at_stop=_said(stop), at_stop_outcome=stop.outcome, full=_said(end), full_outcome=end.outcome,
        )  # fmt: skip


def _said(finding: Finding) -> Interval | None:
    """What a finding says that it measured: of what has no upper end, the bound in its message."""
    ends, measured = finding.deciding, finding.measured
    if ends is None or measured is None or ends.is_bounded:
        return ends
    return Interval.exactly(measured).open_above()


def _judged(context: Context, ledger: Ledger) -> list[Finding]:
    """Findings of the rules on sums, were this the book."""
    # Of its own: what is judged of a future is not what the findings were judged by.
    future = replace(context, treatment=replace(context.treatment, ledger=ledger), judged={})
    found: list[Finding] = []
    for rule in context.protocol.rules:
        if isinstance(rule.test, CumulativeLimit):
            found.extend(cumulative_limit(future, rule, rule.test))
        elif isinstance(rule.test, CumulativePrescription):
            found.extend(cumulative_prescription(future, rule, rule.test))
    return found


def stop_doses(context: Context, ended: Ledger, full: Ledger) -> Iterator[StopDose]:
    """Each structure when a course ends at a decision point, beside the full course."""
    try:
        found = list(named_structures(context))
    except DosecalcError:
        return
    for name, structure in found:
        effect = context.effect(name)
        quantities: list[Quantity] = [Physical()]
        if effect is not None:
            quantities.append(Eqd2(alpha_beta_gy=effect.alpha_beta_gy, model=effect.model))
        complete = not missing_from_sum(context, name)
        for quantity in quantities:
            try:
                cells = context.cells(structure, full)
                at_stop, whole = (
                    sum_metrics(context, cells, ledger, quantity, name, complete=complete)
                    for ledger in (ended, full)
                )
            except DosecalcError:
                continue  # the table of structures says why
            for metric, stop, end in (
                ("mean", at_stop.mean_gy, whole.mean_gy),
                ("near maximum", at_stop.near_max_gy, whole.near_max_gy),
            ):
                yield StopDose(
                    structure=name, quantity=describe(quantity), metric=metric, at_stop=stop, full=end
                )
