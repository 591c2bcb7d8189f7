"""The point at which a response decides on an early stop: delivered fractions, and what a person entered."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from dosecalc.checking.context import Context, finding, not_evaluated
from dosecalc.checking.decision_fraction import (
    decision_fraction,
    earlier,
    point_readings,
    prescribed_gy,
    reached_by,
)
from dosecalc.errors import DosecalcError
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Band, Interval
from dosecalc.ledger import Ledger
from dosecalc.results import DecisionState
from dosecalc.rules import DecisionPoint, Rule, UlcerReading
from dosecalc.sessions import Session
from dosecalc.statement import Event, EventKind


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a decision stands, if that can be said, what it means for the rule, and why, in words.

    ``stopped_on`` is the day of what stopped the course, or should have.
    """

    state: DecisionState | None
    outcome: Outcome
    text: str
    stopped_on: dt.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What decides: fractions given, events since the course before began, and where the point lies.

    ``given_gy`` is the prescribed dose of the fractions given, ``due`` the day the point is, or will be,
    reached; both None where that is not known. ``reached`` is what was given when it was, by whole fractions
    or by the dose of parts.
    """

    given: Ledger
    planned: int
    point: int
    due: dt.date | None
    given_gy: Fraction | None
    reached: Ledger | None
    test: DecisionPoint

    @property
    def delivered(self) -> int:
        return len(self.given.whole_days())

    @property
    def more(self) -> int:
        """How many fractions were begun after the point."""
        if self.reached is None:
            return 0
        before = {number for s in self.reached for _, number in s.numbered()}
        return len({number for s in self.given for _, number in s.numbered()} - before)

    @property
    def so_far(self) -> str:
        """How far the course is, in words."""
        dose = "" if self.given_gy is None else f" ({float(self.given_gy):g} Gy)"
        return f"fraction {self.delivered}{dose}"

    def days_of(self, *kinds: EventKind) -> list[dt.date]:
        """The days of events of some kinds, ascending."""
        return sorted(e.date for e in self.given.events if e.kind in kinds)

    def counts(self, day: dt.date) -> bool:
        """Whether a response of that day was assessed at the point, or within the time before that counts."""
        return self.due is not None and day >= self.due - dt.timedelta(days=self.test.window_days)

    def after(self, day: dt.date) -> int:
        """How many days with treatment follow a day, as far as they have dates."""
        return len({s.day for s in self.given if s.date is not None and s.date > day})

    def is_beyond(self, session: Session, day: dt.date | None) -> bool:
        """Whether a session followed a day; without its date, whether it gave a fraction after the point."""
        if session.date is None or day is None:
            return session.day > self.point
        return session.date > day

    @property
    def is_dated(self) -> bool:
        return all(s.date is not None for s in self.given)


def stand(context: Context, test: DecisionPoint) -> Stand:
    """Where the decision on an early stop stands.

    Raises
    ------
    DosecalcError : if there is no such course or plan, or its prescription is not known.
    """
    context.course_ledger(test.course)
    point = earlier(*decision_fraction(context, test, test.reading))
    return _stand(_question(context, test, point))


def decision_point(context: Context, rule: Rule, test: DecisionPoint) -> Iterator[Finding]:
    """Whether the decision on an early stop lies ahead, is due, or was taken."""
    try:
        context.course_ledger(test.course)
        context.require_fractions(test.course)
        nominal, own = decision_fraction(context, test, test.reading)
    except DosecalcError as error:
        yield not_evaluated(rule, error)
        return
    point = earlier(nominal, own)
    if point < 1:
        text = f"by {test.reading} {test.dose_gy} Gy are reached before the {test.course} course begins"
        yield not_evaluated(rule, f"{text}: no fraction of it is the point")
        return
    question = _question(context, test, point)
    if point > question.planned:
        text = (
            f"{test.dose_gy} Gy would be reached at fraction {point}, but there are {question.planned} only"
        )
        yield not_evaluated(rule, text)
        return
    text = f"{test.dose_gy} Gy is reached at fraction {point} of {question.planned}"
    if own is not None and own != nominal:
        text += (
            f" (at {test.dose_per_fraction_gy} Gy a fraction: {nominal}; by the plan's own decimals: {own}; "
            "the earlier one holds)"
        )
    if question.reached is not None and len(question.reached.whole_days()) < point:
        dose = prescribed_gy(context, test, question.reached) or 0
        text += f"; with parts of fractions it was reached on {question.due or 'a day that is not known'}, "
        text += f"at {len(question.reached.whole_days())} whole fractions ({float(dose):g} Gy)"
    found, due = _stand(question), question.due
    passed = context.as_of is not None and due is not None and context.as_of >= due
    if found.outcome is Outcome.NOT_DUE and passed:
        late = f"{found.text}, though it was planned for {due}; state how many fractions were delivered"
        found = replace(found, outcome=Outcome.NOT_EVALUATED, text=late)
    yield replace(
        finding(rule, found.outcome, f"{text}; {found.text}"),
        band=Band(value=float(point)),
        deciding=Interval.exactly(float(point)),
        unit="fraction",
        decided_by=str(test.reading),
        shown_readings=tuple(point_readings(context, test)),
        due=due,
    )


def _question(context: Context, test: DecisionPoint, point: int) -> _Question:
    """What was given of the course, with events since the one before it began: no older history."""
    order = [c.name for c in context.protocol.courses]
    place = order.index(test.course)
    recent = context.treatment.ledger.course(*order[max(place - 1, 0) : place + 1])
    begin = min((s.date for s in recent if s.date is not None), default=None)
    given = context.treatment.ledger.course(test.course).delivered()
    kept = (e for e in given.events if begin is None or e.date >= begin)
    given = replace(given, events=tuple(e for e in kept if not _stopped_before(context, test.course, e)))
    reached = _reached_with(given, point, reached_by(context, test, given))
    ended = _ended_at(context, test, point, context.treatment.in_full(test.course))
    due = None if ended is None else ended.sessions[-1].date
    return _Question(
        given=given,
        planned=max(s.day for s in context.treatment.planned.course(test.course)),
        point=point,
        due=due,
        given_gy=prescribed_gy(context, test, given),
        reached=reached,
        test=test,
    )


def at_the_point(context: Context, test: DecisionPoint, point: int) -> Ledger:
    """The whole treatment, were its course ended at the decision point.

    Raises
    ------
    DosecalcError : if a prescription that counts is not known.
    """
    full = context.treatment.in_full(test.course)
    ended = _ended_at(context, test, point, full)
    kept = None if ended is None else set(map(id, ended.sessions))
    return full.where(lambda s: s.course != test.course or kept is None or id(s) in kept)


def _ended_at(context: Context, test: DecisionPoint, point: int, full: Ledger) -> Ledger | None:
    """What was given of the course when the point was reached, or will have been; None where it is not."""
    course = full.course(test.course)
    return _reached_with(course, point, reached_by(context, test, course))


def _reached_with(given: Ledger, point: int, by_dose: Session | None) -> Ledger | None:
    """What was given when the point was reached: with so many whole fractions, or with the dose if sooner."""
    for count, session in enumerate(given.sessions, start=1):
        until = replace(given, sessions=given.sessions[:count])
        if session is by_dose or len(until.whole_days()) >= point:
            return until
    return None


def _stopped_before(context: Context, course: str, event: Event) -> bool:
    """Whether an event stopped the course before this one: ahead of its end, and of this one's begin."""
    if event.kind is not EventKind.STOPPED:
        return False
    order = [c.name for c in context.protocol.courses]
    before = order[: order.index(course)][-1:]
    begun, earlier = (
        [s.date for s in context.treatment.ledger.course(*names) if s.date is not None]
        for names in ((course,), before)
    )
    if not begun or event.date >= min(begun):
        return False
    planned = {s.day for s in context.treatment.planned.course(*before)}
    given = context.treatment.ledger.course(*before).delivered().whole_days()
    return event.date < max(earlier, default=event.date) or bool(planned - set(given))


def _stand(question: _Question) -> Stand:
    """Where the decision stands, from the fractions given so far and what was entered."""
    stop = min(question.days_of(EventKind.STOPPED), default=None) if len(question.given) else None
    ulcers, notes = _ulcers(question)
    if ulcers:
        return _stopped(question, min(ulcers), "an ulcer")
    if stop is not None and not question.is_dated:
        text = f"stopped on {stop}, and fractions have no dates: whether it was this course is not known"
        return Stand(None, Outcome.NOT_EVALUATED, f"{text}: hold, and state them")
    if stop is not None and question.after(stop):
        return _stopped(question, stop, "the course was stopped")
    found = _below(question, stop) if question.reached is None else _reached(question, stop)
    return replace(found, text=found.text + notes)


def _ulcers(question: _Question) -> tuple[list[dt.date], str]:
    """Days of ulcers that stop the course, and what is to be said of others."""
    days = question.days_of(EventKind.ULCER)
    if question.test.ulcer is UlcerReading.AT_ANY_DOSE or question.due is None:
        return days, ""
    early = [d for d in days if d < question.due]
    listed = ", ".join(map(str, early))
    notes = f"; an ulcer on {listed} stops nothing by the reading that is chosen" if early else ""
    return [d for d in days if d >= question.due], notes


def _stopped(question: _Question, day: dt.date, why: str, *, at_most: int = 0) -> Stand:
    """Nothing is given after a day; of undated fractions only those beyond ``at_most`` are known to be."""
    if not len(question.given):
        return Stand(None, Outcome.NOT_EVALUATED, f"{why} on {day}: hold, no fraction may follow")
    if not question.is_dated and at_most == 0:
        text = f"{why} on {day}, and fractions have no dates: hold, and state them"
        return Stand(None, Outcome.NOT_EVALUATED, text)
    after = question.after(day) if question.is_dated else question.delivered - at_most
    if after > 0:
        text = f"{_fractions(after)} given after {why} on {day}"
        return Stand(DecisionState.VIOLATED, Outcome.FAIL, text, day)
    text = f"stopped after {why} on {day}; sums are of what was given"
    return Stand(DecisionState.STOPPED, Outcome.PASS, text, day)


def _fractions(count: int) -> str:
    return "1 fraction was" if count == 1 else f"{count} fractions were"


def _below(question: _Question, stop: dt.date | None) -> Stand:
    """The point is not reached: ahead, or stopped before it."""
    complete = [d for d in question.days_of(EventKind.COMPLETE_RESPONSE) if stop is None or d <= stop]
    counting = [d for d in complete if question.counts(d)]
    window = f"{question.test.window_days} days before {question.test.dose_gy} Gy"
    if stop is None:
        text = f"{question.delivered} delivered so far: not reached"
        if counting:
            text += f"; complete response on {counting[-1]} counts: none after fraction {question.point}"
        elif complete:
            text += (
                f"; complete response on {complete[-1]} lies more than {window} and does not count: a stop "
                "for it would be too early"
            )
        return Stand(DecisionState.NOT_REACHED, Outcome.NOT_DUE, text)
    where = f"stopped on {stop} at {question.so_far}"
    if counting:
        text = (
            f"{where} after complete response on {counting[-1]}, at most {window}; sums are of what was given"
        )
        return Stand(DecisionState.STOPPED, Outcome.PASS, text, stop)
    if complete and question.due is None:
        text = (
            f"{where}; how near to {question.test.dose_gy} Gy the complete response on {complete[-1]} was is "
        )
        return Stand(None, Outcome.NOT_EVALUATED, f"{text}not known without dates", stop)
    if complete:
        text = f"{where} for complete response on {complete[-1]}, which counts from {window} on only"
        return Stand(DecisionState.VIOLATED, Outcome.FAIL, text, stop)
    return _without_reason(where, stop)


def _without_reason(where: str, stop: dt.date) -> Stand:
    text = f"{where}, and neither a complete response that counts nor an ulcer is entered as its reason"
    return Stand(DecisionState.STOPPED, Outcome.NOT_EVALUATED, text, stop)


def _reached(question: _Question, stop: dt.date | None) -> Stand:
    """The point is reached: what was assessed there decides, or within the time before it that counts."""
    kinds = EventKind.COMPLETE_RESPONSE, EventKind.INCOMPLETE_RESPONSE
    entered = sorted(
        (e.date, e.kind is EventKind.COMPLETE_RESPONSE)
        for e in question.given.events
        if e.kind in kinds and question.counts(e.date)
    )
    late = [day for day, complete in entered if complete and question.due is not None and day >= question.due]
    if late:
        found = _stopped(question, late[0], "complete response", at_most=question.point)
        if found.outcome is Outcome.FAIL:
            return found
    # What decides was assessed before the fraction that follows the point, if there was one.
    beyond = [s.date for s in question.given if question.is_beyond(s, question.due)]
    following = min((d for d in beyond if d is not None), default=None)
    deciding = [(d, complete) for d, complete in entered if following is None or d <= following]
    more = question.more
    if not deciding or (more and following is None):
        if stop is not None and not more:
            return _without_reason(f"stopped on {stop} at {question.so_far}", stop)
        text = f"reached{f' and {more} more were given' if more else ''}, and no response assessed there "
        text += "is entered with its date: hold until it is"
        if question.due is None or not question.is_dated:
            text += "; the fractions have no dates, so that none can be placed: state them"
        return Stand(DecisionState.DUE, Outcome.NOT_EVALUATED, text)
    last = deciding[-1][0]
    if len({complete for d, complete in deciding if d == last}) > 1:
        text = f"the responses entered up to {last} contradict each other"
        return Stand(DecisionState.DUE, Outcome.NOT_EVALUATED, text)
    if deciding[-1][1]:
        return _complete(question, last)
    if stop is not None and question.delivered < question.planned:
        return _without_reason(f"stopped on {stop} at {question.so_far}", stop)
    return Stand(DecisionState.CONTINUE, Outcome.PASS, f"no complete response on {last}: treatment goes on")


def _complete(question: _Question, day: dt.date) -> Stand:
    """Complete response decided: nothing may follow the point, nor a later day on which it was assessed."""
    allowed = max(day, question.due or day)
    beyond = [s for s in question.given if question.is_beyond(s, allowed)]
    if beyond:
        text = f"{_fractions(len(beyond))} given after {question.test.dose_gy} Gy, and complete response "
        return Stand(DecisionState.VIOLATED, Outcome.FAIL, f"{text}was assessed on {day}", day)
    text = f"stopped after complete response on {day}; sums are of what was given"
    return Stand(DecisionState.STOPPED, Outcome.PASS, text, day)
