"""Limits per session: all that is given in one day acts on the limit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dosecalc.celldoses import CellDoses
from dosecalc.checking.context import Context, each_structure, finding
from dosecalc.checking.judged_dose import JudgedDose, SessionDose
from dosecalc.checking.judging import (
    NOTHING_KNOWN,
    band_of,
    bound_word,
    cover_text,
    digits,
    judge_within,
    measured,
    name_of,
    numerical,
    numerical_text,
    worst,
)
from dosecalc.errors import DosecalcError, MissingDoseError
from dosecalc.findings import Contributor, Finding, Outcome, Reading
from dosecalc.goals import Goal, Metric
from dosecalc.intervals import Interval
from dosecalc.ledger import Ledger
from dosecalc.rules import Rule, SessionLimit, SessionReading
from dosecalc.sessions import Contribution, GridFraction, NoFraction
from dosecalc.structures import Structure, StructureSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is given on one day, for all days that are alike; ``numbers`` are the prescribed days of each.

    ``at_most`` is the same with each fraction whole of which a part was given, ``at_least`` without it.
    """

    numbers: tuple[tuple[int, ...], ...]
    contributions: tuple[Contribution, ...]
    at_least: tuple[Contribution, ...]
    at_most: tuple[Contribution, ...]

    @property
    def in_words(self) -> str:
        """Which days these are."""
        first, last = self.numbers[0][0], self.numbers[-1][0]
        run = len(self.numbers) > 1 and self.numbers == tuple((n,) for n in range(first, last + 1))
        named = (" and ".join(map(str, days)) for days in self.numbers)
        return f"days {first} to {last}" if run else f"day {', '.join(named)}"

    @property
    def known(self) -> tuple[Contribution, ...]:
        return tuple(c for c in self.contributions if isinstance(c.fraction, GridFraction))

    @property
    def instead(self) -> tuple[tuple[Contribution, ...], ...]:
        """What may have been given for ``known``, at least and at most, where parts were broken off."""
        if not any(c.is_approximate for c in self.known):
            return ()
        return tuple(
            tuple(c for c in part if isinstance(c.fraction, GridFraction))
            for part in (self.at_least, self.at_most)
        )

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(c.fraction.reason for c in self.contributions if isinstance(c.fraction, NoFraction))


def session_limit(context: Context, rule: Rule, test: SessionLimit) -> Iterator[Finding]:
    """Each structure in its worst session of a course; both readings of a session are shown."""
    yield from each_structure(rule, test.structures, lambda name: _session_limit(context, rule, test, name))


def days_of(ledger: Ledger) -> tuple[Day, ...]:
    """Alike days of a ledger: all that is given on one prescribed day acts on the limit together."""
    groups: dict[tuple[tuple[Contribution, ...], ...], list[tuple[int, ...]]] = {}
    for sessions in ledger.days():
        day = Ledger(sessions=sessions)
        nothing, whole = day.extremes()[:2] if day.is_approximate else (day, day)
        found = tuple(tuple(c for s in part for c in s.contributions) for part in (day, nothing, whole))
        groups.setdefault(found, []).append(tuple(dict.fromkeys(s.day for s in sessions)))
    return tuple(
        Day(numbers=tuple(n), contributions=given, at_least=least, at_most=most)
        for (given, least, most), n in groups.items()
    )


def _session_limit(context: Context, rule: Rule, test: SessionLimit, name: str) -> Finding:
    ledger = context.course_ledger(test.course)
    reference = context.structure_set(test.course)
    structure = context.find(name, reference)
    cells = context.cells(structure, ledger)
    days = days_of(ledger)
    parts = _readings(days, test.reading)
    missing = tuple(dict.fromkeys((*(r for d in days for r in d.missing), *context.treatment.lost)))
    if not any(cells.reached_by(d.known) for d in days):
        lacks = "".join(f"; {reason}" for reason in missing)
        raise MissingDoseError(f"no dose of it is known{cover_text(cells)}{lacks}")
    index, deciding, metric = _worst_of(cells, parts, test.goal)
    stricter = [(g, _worst_of(cells, parts, g)[1]) for g in test.stricter]
    if missing:
        deciding = deciding.open_above()
        stricter = [(g, i.open_above()) for g, i in stricter]
    worst_day = parts[index]
    doubt = numerical(test.goal, metric, cells.session_curve(worst_day.known))
    stated, band = deciding, band_of(deciding, doubt)
    deciding = band.interval(rule.uncertain_by)
    outcome = judge_within(test.goal, stated, deciding, stricter)
    contributors = _contributors(context, cells, days, test.goal)
    shown = (
        *_other_reading(cells, days, test),
        *_stricter_readings(stricter),
        *_shown_courses(context, structure, test),
        *_sessions_elsewhere(context, name, reference, test),
    )
    context.judged[(rule.id, name)] = JudgedDose(
        structure=structure,
        structure_set=reference,
        dose=SessionDose(contributions=worst_day.known, instead=worst_day.instead),
        quantity=_quantity(context, test, worst_day),
        limit_gy=test.goal.limit,
        missing=missing,
    )
    base = finding(rule, outcome, "", structure=name)
    done = replace(
        base,
        band=band,
        deciding=deciding,
        limit=test.goal.limit,
        comparison=test.goal.comparison.value,
        unit="Gy/fx",
        decided_by=f"{test.reading.value}, {name_of(metric, test.goal)}",
        shown_readings=shown,
        contributors=contributors,
        hot_spot_xyz_mm=cells.hottest_xyz_mm(cells.known_session_gy(worst_day.known))
        if test.goal.limits_hot_spot
        else None,
    )
    text = _session_message(done, stated, test, worst_day, cells)
    text += numerical_text(outcome, test.goal, band, "Gy per fraction")
    return replace(done, message=text + "".join(f"; {reason}" for reason in missing))


def _readings(days: Sequence[Day], reading: SessionReading) -> list[Day]:
    if reading is SessionReading.SESSION_SUM:
        return list(days)
    return [part for day in days for part in _by_plan(day)]


def _by_plan(day: Day) -> Iterator[Day]:
    """What each plan gives on a day by itself: of a fraction broken off before, the rest too."""
    for uid in dict.fromkeys(c.fraction.plan_uid for c in day.contributions):
        given, least, most = (
            tuple(c for c in part if c.fraction.plan_uid == uid)
            for part in (day.contributions, day.at_least, day.at_most)
        )
        yield Day(numbers=day.numbers, contributions=given, at_least=least, at_most=most)


def _worst_of(cells: CellDoses, parts: Sequence[Day], goal: Goal) -> tuple[int, Interval, Metric]:
    found = [_of_day(cells, p, goal) for p in parts]
    index, interval = worst(found, goal)
    return index, interval, found[index][1]


def _of_day(cells: CellDoses, day: Day, goal: Goal) -> tuple[Interval, Metric]:
    """A metric of one day; the dose of a beam that stopped midway is known only to be less than the whole."""
    given, metric = measured(goal, cells.session_curve(day.known))
    for known in day.instead:
        given = given.or_up_to(measured(goal, cells.session_curve(known))[0])
    return given, metric


def _contributors(
    context: Context, cells: CellDoses, days: Sequence[Day], goal: Goal
) -> tuple[Contributor, ...]:
    """Each plan's own value, by itself."""
    sessions: dict[tuple[Contribution, ...], Day] = {}
    counts: Counter[tuple[Contribution, ...]] = Counter()
    for day in _readings(days, SessionReading.EACH_PLAN):
        sessions[day.contributions] = day
        counts[day.contributions] += len(day.numbers)
    found = []
    for contributions, day in sessions.items():
        uid = contributions[0].fraction.plan_uid
        assigned = next((p for p in context.treatment.plans if p.plan.uid == uid), None)
        found.append(
            Contributor.of(
                NOTHING_KNOWN if day.missing else _of_day(cells, day, goal)[0],
                course=assigned.course if assigned else "",
                plan=assigned.plan.label if assigned else "",
                plan_uid=uid,
                sessions=counts[contributions],
                unit="Gy/fx",
            )
        )
    return tuple(found)


def _other_reading(cells: CellDoses, days: Sequence[Day], test: SessionLimit) -> Iterator[Reading]:
    other = (
        SessionReading.EACH_PLAN if test.reading is SessionReading.SESSION_SUM else SessionReading.SESSION_SUM
    )
    _, interval, _ = _worst_of(cells, _readings(days, other), test.goal)
    yield Reading.of(f"{other.value}, {test.course}", interval, "Gy/fx")


def _stricter_readings(stricter: Sequence[tuple[Goal, Interval]]) -> Iterator[Reading]:
    for goal, interval in stricter:
        yield Reading.of(f"may make it UNCERTAIN: {goal}", interval, "Gy/fx")


def _shown_courses(context: Context, structure: Structure, test: SessionLimit) -> Iterator[Reading]:
    for course in test.shown_courses:
        ledger = context.treatment.ledger.course(course).known()
        if not len(ledger):
            continue
        try:
            cells = context.cells(structure, ledger)
            _, interval, _ = _worst_of(cells, days_of(ledger), test.goal)
        except DosecalcError:
            continue  # shown only where it can be had; the rule on frames says why it cannot
        yield Reading.of(f"worst session, {course}", interval, "Gy/fx")


def _sessions_elsewhere(
    context: Context, name: str, reference: StructureSet, test: SessionLimit
) -> Iterator[Reading]:
    """The worst session on the organ as other structure sets have it."""
    ledger = context.course_ledger(test.course)
    for structure_set, structure in context.elsewhere(name, reference):
        try:
            cells = context.cells(structure, ledger)
            _, interval, _ = _worst_of(cells, _readings(days_of(ledger), test.reading), test.goal)
        except DosecalcError:
            continue  # shown only where it can be had
        where = structure_set.source or structure_set.uid
        yield Reading.of(f"as contoured in {where}", interval, "Gy/fx")


def _quantity(context: Context, test: SessionLimit, day: Day) -> str:
    """The dose of a session, or of one plan in it, in words."""
    session = f"the {test.course} session of {day.in_words}"
    if test.reading is SessionReading.SESSION_SUM:
        return f"dose of {session}"
    uid = day.contributions[0].fraction.plan_uid
    assigned = next((p for p in context.treatment.plans if p.plan.uid == uid), None)
    return f"dose of {assigned.plan.label if assigned else uid} alone in {session}"


def _session_message(done: Finding, stated: Interval, test: SessionLimit, day: Day, cells: CellDoses) -> str:
    value = digits(stated.certain, test.goal.limit)
    metric = done.decided_by.partition(", ")[2]
    text = f"{metric} is {bound_word(stated)}{value} Gy in the {test.course} session of {day.in_words}"
    text += f" (limit {test.goal.comparison.value} {test.goal.limit:g} Gy per fraction)"
    if test.reading is SessionReading.EACH_PLAN:
        text += "; judged is each plan alone, not the sum of the session, which is shown beside it"
        text += "".join(
            f": {digits(r.value, test.goal.limit)} Gy"
            for r in done.shown_readings
            if r.name.startswith(SessionReading.SESSION_SUM.value) and r.value is not None
        )
    alone = [(c, c.value) for c in done.contributors if c.value is not None]
    if len(alone) > 1:
        own = ", ".join(
            f"{c.plan} alone {'at least ' if c.lower_bound else ''}{digits(v, test.goal.limit)} Gy"
            for c, v in alone
        )
        text += f"; {own}"
        keeps = test.goal.comparison.holds
        kept = [v for c, v in alone if keeps(v, test.goal.limit) and not c.lower_bound]
        if done.outcome is Outcome.FAIL and len(kept) == len(done.contributors):
            text += "; each plan alone keeps the limit, what is given in one day does not"
    if done.outcome is Outcome.UNCERTAIN:
        beyond = [r for r in done.shown_readings if r.name.startswith("may make it")]
        text += "; " + ", ".join(
            f"{r.name}: {'not known' if r.value is None else digits(r.value, test.goal.limit) + ' Gy'}"
            for r in beyond
        )
    return text + cover_text(cells)
