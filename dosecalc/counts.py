"""How many fractions were given: by treatment records, by treatment summaries, and where these differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from dosecalc.case import Case
from dosecalc.delivery import Visit
from dosecalc.plans import Plan
from dosecalc.records import GroupSummary, TreatmentSummary
from dosecalc.roles import AssignedPlan


def whole_fractions(visits: Sequence[Visit]) -> dict[str, tuple[int, ...]]:
    """By plan, which of its fractions were given whole, ascending; a plan without records is not there."""
    shares: dict[str, dict[int, Decimal]] = {}
    for visit in visits:
        for given in visit.given:
            of_plan = shares.setdefault(given.plan_uid, {})
            of_plan[given.fraction] = of_plan.get(given.fraction, Decimal(0)) + given.share
    return {
        uid: tuple(sorted(number for number, share in of_plan.items() if share >= 1))
        for uid, of_plan in shares.items()
    }


def by_summaries(
    case: Case, members: Sequence[AssignedPlan], shown: Mapping[str, int]
) -> tuple[int | None, str]:
    """How far a course is by the treatment summaries of its plans, and what is to be said of it.

    Records say more, and are taken where there are any.
    """
    counts = [_in_summaries(case, p.plan) for p in members]
    known = [c for c in counts if c is not None]
    if not known or any(p.plan.uid in shown for p in members):
        return None, ""
    if len(set(counts)) > 1:
        return None, (
            f"WARNING: {members[0].course}: treatment summaries of its plans count {known} fractions; on "
            "which days they were given is not known: state delivered in case.toml"
        )
    return known[0], f"{members[0].course}: {known[0]} fractions delivered, as its treatment summaries count"


def summaries_until(case: Case, day: dt.date) -> tuple[tuple[TreatmentSummary, ...], list[str]]:
    """The treatment summaries as they count on a day, and what is to be said of it.

    One that goes on beyond the day counts as many fractions as it has dates of. Where it has not all of them
    it counts whole, the cautious way, unless treatment records of its plan say more.
    """
    recorded = {record.plan_uid for record in case.records}
    found, said = [], []
    for summary in case.summaries:
        if summary.last_date is not None and summary.last_date <= day:
            found.append(summary)
        elif summary.first_date is not None and summary.first_date > day:
            continue
        elif all(_has_dates(group) for group in summary.groups):
            groups = tuple(_group_until(group, day) for group in summary.groups)
            found.append(replace(summary, groups=groups))
        elif summary.plan_uid not in recorded:
            found.append(summary)
            said.append(
                f"WARNING: treatment summary {summary.source or summary.uid}: how many of its fractions were "
                f"given by {day} is not known: all of them count"
            )
    return tuple(found), said


def _has_dates(group: GroupSummary) -> bool:
    dates = [fraction.date for fraction in group.fractions]
    return None not in dates and len(dates) == (group.delivered or 0)


def _group_until(group: GroupSummary, day: dt.date) -> GroupSummary:
    given = tuple(f for f in group.fractions if f.date is not None and f.date <= day)
    return replace(group, fractions=given, delivered=None if group.delivered is None else len(given))


def beyond_records(case: Case, assigned: Sequence[AssignedPlan], shown: Mapping[str, int]) -> Iterator[str]:
    """What a treatment summary counts and is in no sum: fractions without record, and other than beams."""
    for one in assigned:
        counted, records = _in_summaries(case, one.plan), shown.get(one.plan.uid)
        if counted is not None and records is not None and counted > records:
            yield (
                f"{one.name}: its treatment summary counts {counted} fractions, its treatment records show "
                f"{records}: what the others gave is in no sum"
            )
    counted_plans = {one.plan.uid for one in assigned} | {p.uid for p in case.statement.plans if p.ignore}
    for summary in case.summaries:
        of_beams = sum(g.delivered or 0 for g in summary.groups if g.is_of_beams)
        if of_beams and summary.plan_uid not in counted_plans:
            yield (
                f"treatment summary {summary.source or summary.uid}: expected one of the plans that count, "
                f"found plan {summary.plan_uid or '(none named)'}: {of_beams} fractions of it are in no sum"
            )
        for group in summary.groups:
            if group.is_of_beams or group.delivered == 0:
                continue
            number = "without number" if group.number is None else str(group.number)
            count = "an unknown number of" if group.delivered is None else str(group.delivered)
            yield (
                f"treatment summary {summary.source or summary.uid}: fraction group {number}: "
                f"FractionGroupType: expected EXTERNAL_BEAM, found {group.kind}: {count} fractions of it may "
                "have been given and are in no sum"
            )


def _in_summaries(case: Case, plan: Plan) -> int | None:
    """The most fractions of beams of a plan that a treatment summary counts; None where none does."""
    found = []
    for summary in case.summaries:
        counts = [g.delivered for g in summary.groups if g.is_of_beams and g.delivered is not None]
        if summary.plan_uid == plan.uid and counts:
            found.append(sum(counts))
    return max(found, default=None)
