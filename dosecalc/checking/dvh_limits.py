"""Where the limits of a protocol stand beside dose-volume curves, and which do not stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dosecalc.checking.context import Context
from dosecalc.checking.judging import digits
from dosecalc.drawings import DvhLimit, DvhLine, Stage
from dosecalc.findings import Finding, Outcome
from dosecalc.goals import DoseAtPercent, DoseAtVolume, Extreme, Goal, VolumeAtDose
from dosecalc.quantities import Bed, Eqd2, Quantity
from dosecalc.radiobiology import bed_to_eqd2
from dosecalc.rules import CumulativeLimit, Rule, SessionLimit


def limits_of_day(rule: Rule, line: DvhLine, findings: Sequence[Finding]) -> Iterator[DvhLimit]:
    """A limit per session at the line of what it was held against."""
    assert isinstance(rule.test, SessionLimit)
    goal = rule.test.goal
    yield _limit(rule.id, line, goal, goal.limit, _found(findings, rule.id, line.structure))


def limits_of_sums(
    context: Context,
    quantities: Mapping[str, Quantity],
    lines: Sequence[DvhLine],
    findings: Sequence[Finding],
) -> tuple[tuple[DvhLimit, ...], tuple[str, ...]]:
    """Limits in the quantity of a line, and which limits of that kind of dose are not drawn, in words.

    One in BED stands where its EQD2 is, which is BED over a constant.
    """
    limits, notes, left_out = [], [], []
    drawn = [line for line in lines if line.stage is Stage.PROJECTED]
    in_effect = any(isinstance(q, Eqd2) for q in quantities.values())
    for rule, test in _limits(context):
        if isinstance(test.goal.quantity, Bed | Eqd2) != in_effect:
            continue
        there = {line.structure for line in drawn}
        left_out += [(rule, name) for name in test.structures if name not in there]
        for line in drawn:
            if line.structure not in test.structures:
                continue
            goal = context.with_repair(test.goal, line.structure)
            scale = _scale(goal.quantity, quantities[line.structure])
            if scale is None:
                notes.append(f"{rule.id}: its limit is at another a/b than {line.structure}: not drawn")
            elif test.recovered and context.kept(line.structure):
                notes.append(
                    f"{rule.id}: {line.structure} is judged less recovery, the line is not: not drawn"
                )
            else:
                found = _found(findings, rule.id, line.structure)
                limits.append(_limit(rule.id, line, goal, goal.limit * scale, found, scale=scale))
    return tuple(limits), (*notes, *not_drawn(left_out, findings))


def not_drawn(limits: Sequence[tuple[Rule, str]], findings: Sequence[Finding]) -> Iterator[str]:
    """Limits on structures that have no line, with their outcomes, in words."""
    named: dict[tuple[str, str], list[str]] = {}
    for rule, structure in limits:
        found = _found(findings, rule.id, structure)
        if found is not None:
            named.setdefault((rule.id, found.outcome.value), []).append(structure)
    for (rule_id, outcome), structures in named.items():
        yield f"{rule_id} {', '.join(structures)}: {outcome}, not drawn"


def _limits(context: Context) -> Iterator[tuple[Rule, CumulativeLimit]]:
    for rule in context.protocol.rules:
        if isinstance(rule.test, CumulativeLimit):
            yield rule, rule.test


def _scale(quantity: Quantity, drawn: Quantity) -> float | None:
    """By what a limit is scaled to stand beside a line; None where the two cannot be held together."""
    if quantity == drawn:
        return 1.0
    if isinstance(quantity, Bed) and isinstance(drawn, Eqd2):
        same = Eqd2(alpha_beta_gy=quantity.alpha_beta_gy, model=quantity.model) == drawn
        return float(bed_to_eqd2(1.0, alpha_beta_gy=quantity.alpha_beta_gy)) if same else None
    return None


def _found(findings: Sequence[Finding], rule: str, structure: str) -> Finding | None:
    """What a rule found on a structure, of which each has one finding at most."""
    return next((f for f in findings if (f.rule, f.structure) == (rule, structure)), None)


def _limit(
    rule: str, line: DvhLine, goal: Goal, limit: float, found: Finding | None, *, scale: float = 1.0
) -> DvhLimit:
    dose_gy, percent = _place(goal, limit, line.volume_cm3, scale=scale)
    return DvhLimit(
        rule=rule,
        structure=line.structure,
        quantity=line.quantity,
        goal=goal.text,
        dose_gy=dose_gy,
        percent=percent,
        is_upper=goal.comparison.is_upper,
        outcome=found.outcome if found else Outcome.NOT_EVALUATED,
        measured=_measured(found, goal),
    )


def _measured(found: Finding | None, goal: Goal) -> str:
    """What was held against a limit, with the digits that show its side; empty where nothing was."""
    if found is None or found.deciding is None:
        return ""
    if found.deciding.is_bounded:
        return digits(found.deciding.value, goal.limit)
    return f"\u2265 {digits(found.deciding.low, goal.limit)}" if found.deciding.low > 0 else ""


def _place(goal: Goal, limit: float, volume_cm3: float, *, scale: float) -> tuple[float, float | None]:
    """Where a limit stands: its dose, and its part of the volume in percent."""
    match goal.metric:
        case DoseAtVolume(cm3=cm3):
            if cm3 > volume_cm3:  # judged by its maximum, or not at all
                return limit, 0.0 if goal.comparison.is_upper else 100.0
            return limit, 100 * cm3 / volume_cm3
        case DoseAtPercent(percent=percent):
            return limit, percent
        case VolumeAtDose(gy=gy):
            in_percent = goal.limit if goal.unit.value == "%" else 100 * goal.limit / volume_cm3
            return gy * scale, min(in_percent, 100.0)
        case Extreme.MAXIMUM:
            return limit, 0.0
        case Extreme.MINIMUM:
            return limit, 100.0
        case Extreme.MEDIAN:
            return limit, 50.0
        case Extreme.MEAN:
            return limit, None
