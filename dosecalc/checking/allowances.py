"""What is left: how many further fractions fit below each cumulative limit, and how much dose."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from dosecalc.celldoses import CellDoses, Kept
from dosecalc.checking.allowance import MOST_FRACTIONS, Allowance
from dosecalc.checking.context import Context
from dosecalc.checking.frame_rules import displaced
from dosecalc.checking.judging import NOTHING_KNOWN, cover_notes
from dosecalc.checking.sums import missing_from_sum, recovery, summed, without_effect
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.goals import Goal, metric_name
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.progress import Progress, counted, silent
from dosecalc.quantities import describe
from dosecalc.rules import CumulativeLimit, Rule
from dosecalc.sessions import NoFraction, Session, State

__all__ = ["MOST_FRACTIONS", "Allowance", "allowances", "next_session"]


def allowances(context: Context, progress: Progress = silent) -> Iterator[Allowance]:
    """What is left of each cumulative limit from above, for each of its structures."""
    asked = [
        (rule, rule.test, name)
        for rule in context.protocol.rules
        if isinstance(rule.test, CumulativeLimit) and rule.test.goal.comparison.is_upper
        for name in rule.test.structures
    ]
    for rule, test, name in counted(progress, "summing doses", asked):
        yield _allowance(context, rule, test, name)


def next_session(ledger: Ledger) -> Session | None:
    """The next session with whole fractions: of what is left, or where nothing is, as the last one given.

    What was never given of a course before the last one begun will not be any more.
    """
    order, begun = ledger.courses, ledger.delivered().courses
    over = order[: order.index(begun[-1])] if begun else ()
    ahead = [s for s in ledger if s.state is State.PLANNED and s.course not in over]
    found = next((s for s in (*ahead, *reversed(ledger.delivered().sessions))), None)
    if found is None:
        return None
    whole = {c.fraction: replace(c, share=type(c.share)(1), beams=()) for c in found.contributions}
    return found.of((c, found.day) for c in whole.values())


def _allowance(context: Context, rule: Rule, test: CumulativeLimit, name: str) -> Allowance:
    goal = test.goal
    base = Allowance(
        rule=rule.id,
        structure=name,
        metric=f"{metric_name(goal.metric)} {describe(goal.quantity)}",
        limit=goal.limit,
        unit=goal.unit.value,
    )
    book = context.treatment.ledger
    following = next_session(book)
    if following is None:
        return replace(base, problem="nothing is planned or given")
    labels = {p.plan.uid: p.plan.label for p in context.treatment.plans}
    uids = dict.fromkeys(c.fraction.plan_uid for c in following.contributions)
    base = replace(
        base,
        plan=" + ".join(labels.get(uid, "") or uid or following.course for uid in uids),
        planned=len({s.day for s in book.course(following.course).remaining()}),
    )
    try:
        cells = context.cells(context.find(name, context.structure_set()), book)
        if not any(np.isfinite(gy).any() for gy in cells.gy.values()):
            raise MissingDoseError("no dose of it is known")
        return _measured(context, test, cells, following, base)
    except DosecalcError as error:
        return replace(base, problem=str(error))


@dataclass(frozen=True, slots=True)
class _Sums:
    """A metric of sums over any sessions of one structure."""

    cells: CellDoses
    goal: Goal
    name: str
    kept: Kept

    def of(self, ledger: Ledger) -> Interval:
        if not len(ledger):
            return Interval.exactly(0.0)
        try:
            return summed(self.cells, ledger, self.goal, self.name, kept=self.kept)[0]
        except MissingDoseError:
            return NOTHING_KNOWN

    def after(self, given: Ledger, following: Session, count: int) -> Interval:
        """The sum after so many more sessions, each on a day of its own."""
        first = max((following.day, *(s.day + 1 for s in given.course(following.course))))
        more = (replace(following, day=first + n, number=0, date=None) for n in range(count))
        return self.of(Ledger(sessions=(*given.sessions, *more)))


def _measured(
    context: Context, test: CumulativeLimit, cells: CellDoses, following: Session, base: Allowance
) -> Allowance:
    treatment, name = context.treatment, base.structure
    book, given = treatment.ledger, treatment.ledger.delivered()
    goal, (kept, _) = context.with_repair(test.goal, name), recovery(context, test, name)
    sums = _Sums(cells, goal, name, kept)
    so_far, at_the_end = sums.of(given), sums.of(book)
    missing = [*missing_from_sum(context, name), *without_effect(book, name, goal.quantity)]
    if not so_far.is_bounded and not missing and not cover_notes(cells):
        missing.append("nothing that is known of a course in numbers bounds it from above")
    order = [course.name for course in context.protocol.courses]
    unknown = (
        *(c for c in treatment.absent if order.index(c) < order.index(following.course)),
        *treatment.lost,
        *given.missing(name),
        *without_effect(given, name, goal.quantity),
    )
    at_most = bool(unknown) or not so_far.is_bounded
    apart = displaced(context)
    found = replace(
        base,
        given=so_far.open_above() if unknown else so_far,
        projected=at_the_end.open_above() if missing else at_the_end,
        at_most=at_most,
        metric=f"{base.metric}, recovered" if kept else base.metric,
        problem="; ".join((*missing, *cover_notes(cells), *apart)),
    )
    if apart:
        return found  # wherever the organs lie, not where the sum takes them to
    found = replace(found, available=goal.limit - (so_far.low if at_most else so_far.high))
    if any(isinstance(c.fraction, NoFraction) for c in following.contributions):
        return replace(found, problem="; ".join(("the dose of the next session is not known", found.problem)))
    if not sums.after(given, following, 1).is_bounded:
        return found

    def fits(count: int) -> bool:
        after = sums.after(given, following, count)
        return goal.comparison.holds(after.low if at_most else after.high, goal.limit)

    count = _most(fits)
    return replace(found, fractions=count, unbounded=count is None)


def _most(fits: Callable[[int], bool]) -> int | None:
    """The largest count that fits, of counts that stop fitting once and for all; None where all do.

    >>> _most(lambda n: n <= 17), _most(lambda n: False), _most(lambda n: True)
    (17, 0, None)
    """
    if not fits(1):
        return 0
    if fits(MOST_FRACTIONS):
        return None
    low, high = 1, MOST_FRACTIONS
    while high - low > 1:
        middle = math.floor((low + high) / 2)
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
