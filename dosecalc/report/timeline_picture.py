"""The treatment along one line of days: courses, the interval between them, breaks, events, the decision."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from dosecalc.book_entries import Entry, EventEntry, SessionEntry
from dosecalc.legible import named, shortened
from dosecalc.report.ledger_picture import course_words
from dosecalc.report.ledger_text import event_text
from dosecalc.report.section_marks import haloed, px, text_at
from dosecalc.report.timeline_pauses import (
    FAR_DAYS,
    Pause,
    later_plans,
    months,
    pauses,
    unknown_intervals,
)
from dosecalc.results import StopPoint
from dosecalc.sessions import State

WIDTH = 860
_MARGIN, _BREAK_X, _LEAST_X = 14, 64, 84
_TOP, _LANE_Y, _SPAN_Y, _EVENT_Y, _AXIS_Y = 34, 52, 24, 34, 30
_WORDS_Y = 17
"""The words of a lane stand so far above it: between is the mark of a plan that begins there."""
_RADIUS = 5.0
_STACK_Y = 14.0
"""Height that the sessions of one day share in the lane of their course."""
_DATE_X, _NUMBER_X, _APART_X = 66, 15, 56  # room that a date, a number and the length of a gap take
_EDGE, _PALE = "#111111", "#767676"


@dataclass(frozen=True, slots=True)
class _Part:
    """Some days in a row, and where they stand."""

    first: dt.date
    last: dt.date
    left: float
    width: float

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def x(self, day: dt.date) -> float:
        """The middle of a day."""
        return self.left + self.width * ((day - self.first).days + 0.5) / self.days


@dataclass(frozen=True, slots=True)
class _Scale:
    parts: Sequence[_Part]

    def part(self, day: dt.date) -> _Part:
        return next(p for p in self.parts if p.first <= day <= p.last)

    def x(self, day: dt.date) -> float:
        return self.part(day).x(day)

    def together(self, *days: dt.date) -> bool:
        """Whether days stand in one part, so that a length between them is to scale."""
        return len({self.part(d).first for d in days}) == 1


def timeline_words(entries: Sequence[Entry], stop_points: Sequence[StopPoint]) -> tuple[str, ...]:
    """The timeline in words, with what has no day, and the events by the numbers that they have in it."""
    found = list(course_words(entries))
    for entry, label in later_plans(entries):
        when = entry.date or "on a day that is not known"
        found.append(f"{named(entry.course)}: plan {named(label)} from day {entry.day} on, {when}")
    for pause in pauses(entries):
        where = f"{pause.first} to {pause.last}"
        if pause.is_break:
            found.append(f"{named(pause.course)}: {pause} left out, {where}")
        else:
            found.append(f"{pause} from {named(pause.course)} to {named(pause.following)}, {where}")
    for course, following in unknown_intervals(entries):
        found.append(f"interval from {named(course)} to {named(following)}: not known, no dates")
    for point in stop_points:
        day = f"on {point.date}" if point.date else "on a day that is not known"
        found.append(f"decision point: {_decision(point)}, {day}")
    found.extend(f"event {n} on {e.date}: {event_text(e)}" for n, e in enumerate(_events(entries), 1))
    return tuple(found) or ("nothing is booked",)


def _decision(point: StopPoint) -> str:
    state = f", {point.state.value}" if point.state else ""
    return f"{point.dose_gy:g} Gy at fraction {point.fraction} of {point.fractions}{state}"


def _events(entries: Sequence[Entry]) -> list[EventEntry]:
    return [e for e in entries if isinstance(e, EventEntry)]


def timeline_svg(entries: Sequence[Entry], stop_points: Sequence[StopPoint]) -> str:
    """The timeline as a picture: no scripts, no styles, readable in black and white.

    A disc is a session that was given, a ring one that is planned; a square, filled or not, gives a part of
    a fraction only. What lies more than two months apart stands in parts of its own, with a gap between.
    """
    sessions = [e for e in entries if isinstance(e, SessionEntry)]
    lanes = {c: k for k, c in enumerate(dict.fromkeys(e.course for e in sessions))}
    days = {e.date for e in entries if e.date is not None} | {p.date for p in stop_points if p.date}
    scale = _Scale(tuple(_parts(sorted(days))))
    events_y = _TOP + _LANE_Y * max(len(lanes), 1) + _SPAN_Y
    axis_y = events_y + _EVENT_Y
    height = axis_y + _AXIS_Y
    body = [
        *_axis(scale, axis_y),
        *_decisions(scale, stop_points, axis_y),
        *_lanes(scale, sessions, lanes),
        *_pauses(scale, pauses(entries), lanes, events_y - _SPAN_Y / 2),
        *_event_marks(scale, _events(entries), events_y),
    ]
    if not days:
        body.append(text_at(_MARGIN, axis_y, "no session or event has a date", size=11))
    words = escape("; ".join(shortened(w, most=200) for w in timeline_words(entries, stop_points)))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'font-family="sans-serif" fill="{_EDGE}">',
        "<title>Timeline of the treatment</title>",
        f"<desc>{words}</desc>",
        *body,
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _parts(days: Sequence[dt.date]) -> Iterator[_Part]:
    """Days that lie near each other share a part; parts share the width by their days, each with a least."""
    groups: list[list[dt.date]] = []
    for day in days:
        if groups and (day - groups[-1][-1]).days <= FAR_DAYS:
            groups[-1].append(day)
        else:
            groups.append([day])
    if not groups:
        return
    gap = min(_BREAK_X, (WIDTH - 2 * _MARGIN) / (2 * len(groups)))
    room = WIDTH - 2 * _MARGIN - gap * (len(groups) - 1)
    least = min(_LEAST_X, room / len(groups))
    spans = [(g[-1] - g[0]).days + 1 for g in groups]
    left = float(_MARGIN)
    for group, span in zip(groups, spans, strict=True):
        width = least + (room - least * len(groups)) * span / sum(spans)
        yield _Part(group[0], group[-1], left, width)
        left += width + gap


def _axis(scale: _Scale, y: float) -> Iterator[str]:
    """The line of days with as many dates as there is room for, and the gaps between its parts."""
    dates_end = gaps_end = 0.0
    for part, following in itertools.pairwise([*scale.parts, None]):
        if part is None:
            continue
        end = part.left + part.width
        yield f'<path d="M{px(part.left)} {y}H{px(end)}" stroke="{_EDGE}" stroke-width="1.5"/>'
        for day, x, anchor in _dates(part):
            yield f'<path d="M{px(part.x(day))} {y}v5" stroke="{_EDGE}"/>'
            left = x - {"start": 0, "middle": 0.5, "end": 1}[anchor] * _DATE_X
            if dates_end <= left <= WIDTH - _DATE_X:
                yield text_at(x, y + 17, day.isoformat(), size=10, anchor=anchor)
                dates_end = left + _DATE_X
        if following is not None:
            apart = (following.first - part.last).days
            middle = (end + following.left) / 2
            yield f'<path d="M{px(end + 4)} {y + 4}l5 -8m2 8l5 -8" stroke="{_EDGE}"/>'
            if middle - _APART_X / 2 >= gaps_end:
                for row, words in enumerate((months(apart), f"{apart} days", "gap")):
                    yield text_at(middle, y - 8 - 12 * row, words, size=10, anchor="middle")
                gaps_end = middle + _APART_X / 2


def _dates(part: _Part) -> Iterator[tuple[dt.date, float, str]]:
    """The first day, the Mondays that have room, and the last day; one that is alone, at its mark."""
    if part.days == 1:
        yield part.first, part.x(part.first), "middle"
        return
    yield part.first, part.left, "start"
    end = part.left + part.width
    has_last = part.last > part.first and part.width >= 2 * _DATE_X
    taken, limit = part.left + _DATE_X, end - (_DATE_X if has_last else 0)
    for k in range(1, part.days - 1):
        day = part.first + dt.timedelta(days=k)
        x = part.x(day)
        if day.weekday() == 0 and x - _DATE_X / 2 >= taken and x + _DATE_X / 2 <= limit:
            yield day, x, "middle"
            taken = x + _DATE_X / 2
    if has_last:
        yield part.last, end, "end"


def _lanes(scale: _Scale, sessions: Sequence[SessionEntry], lanes: Mapping[str, int]) -> Iterator[str]:
    for course, lane in lanes.items():
        own = [e for e in sessions if e.course == course]
        dated = [e.date for e in own if e.date is not None]
        y = _TOP + _LANE_Y * lane + 26
        given = sum(e.state is State.DELIVERED for e in own)
        words = f"{named(course, most=24)}: {given} given, {len(own) - given} planned"
        if len(dated) < len(own):
            words += f", {len(own) - len(dated)} without a date"
        x = scale.x(min(dated)) - _RADIUS if dated else float(_MARGIN)
        room = 6.2 * len(words)
        at = min(x, WIDTH - _MARGIN - room)
        yield from haloed(at, y - _WORDS_Y, words, size=11, weight="bold", fill=_EDGE, anchor="start")
        if not dated:
            yield from _no_dates(y)
        for part in scale.parts:
            inside = [d for d in dated if part.first <= d <= part.last]
            if inside:
                ends = f"M{px(part.x(min(inside)))} {y}H{px(part.x(max(inside)))}"
                yield f'<path d="{ends}" stroke="{_PALE}" stroke-width="1.2"/>'
        together, before = Counter(dated), Counter[dt.date]()
        for entry in own:
            if entry.date is not None:
                # Those of one day stand below each other: a ring on a disc would hide one of the two.
                step = _STACK_Y / together[entry.date]
                middle = y + step * (before[entry.date] + 0.5) - _STACK_Y / 2
                before[entry.date] += 1
                yield _session_mark(scale, entry, entry.date, middle, most=0.45 * step)
        for entry, label in later_plans(own):
            if entry.date is not None:
                yield _plan_mark(scale.x(entry.date), y, f"plan {named(label)} from day {entry.day} on")


def _plan_mark(x: float, y: float, words: str) -> str:
    """Where a plan begins within a course: an open triangle above the first of its sessions."""
    look = f'fill="#ffffff" stroke="{_EDGE}"'
    return (
        f'<path class="plan" d="M{px(x)} {y - 7.5}l-3.5 -6h7z" {look}><title>{escape(words)}</title></path>'
    )


def _no_dates(y: float) -> Iterator[str]:
    """What stands for a course of which no session has a date: no place on the line of days."""
    look = f'fill="none" stroke="{_EDGE}" stroke-dasharray="3 3"'
    yield f'<rect x="{_MARGIN}" y="{y - 7}" width="{_DATE_X}" height="14" {look}/>'
    yield text_at(_MARGIN + _DATE_X / 2, y + 3.5, "no dates", size=10, anchor="middle")


def _session_mark(scale: _Scale, entry: SessionEntry, day: dt.date, y: float, *, most: float) -> str:
    part = scale.part(day)
    r = min(max(min(_RADIUS, 0.42 * part.width / part.days), 1.2), most)
    fill = _EDGE if entry.state is State.DELIVERED else "#ffffff"
    look = f'fill="{fill}" stroke="{_EDGE}" stroke-width="{px(min(1.2, r / 2))}"'
    title = f"<title>{day}: {escape(named(entry.course))}, day {entry.day}, {entry.state.value}</title>"
    if any(i.share != 1 for i in entry.items):
        half = 0.85 * r
        at = f'x="{px(part.x(day) - half)}" y="{px(y - half)}" width="{px(2 * half)}" height="{px(2 * half)}"'
        return f'<rect class="session" {at} {look}>{title}</rect>'
    return f'<circle class="session" cx="{px(part.x(day))}" cy="{px(y)}" r="{px(r)}" {look}>{title}</circle>'


def _pauses(scale: _Scale, found: Sequence[Pause], lanes: Mapping[str, int], span_y: float) -> Iterator[str]:
    """Intervals as lengths below the lanes, breaks as brackets below their course."""
    taken: dict[float, float] = {}
    for pause in found:
        first, last = scale.x(pause.first), scale.x(pause.last)
        y = _TOP + _LANE_Y * lanes[pause.course] + 35 if pause.is_break else span_y
        middle, room = (first + last) / 2, 5.6 * len(str(pause)) / 2
        dashes = "" if scale.together(pause.first, pause.last) else ' stroke-dasharray="4 3"'
        yield f'<path d="M{px(first)} {y - 4}v8M{px(last)} {y - 4}v8" stroke="{_EDGE}"/>'
        yield f'<path class="pause" d="M{px(first)} {y}H{px(last)}" stroke="{_EDGE}"{dashes}/>'
        x = min(max(middle, _MARGIN + room), WIDTH - _MARGIN - room)
        if x - room >= taken.get(y, 0.0):
            at = y + 12 if pause.is_break else y - 4
            yield from haloed(x, at, str(pause), size=10, weight="", fill=_EDGE)
            taken[y] = x + room + 4


def _event_marks(scale: _Scale, events: Sequence[EventEntry], y: float) -> Iterator[str]:
    """Events as triangles with their numbers, those of one day together."""
    numbers: dict[dt.date, list[int]] = {}
    for number, event in enumerate(events, 1):
        numbers.setdefault(event.date, []).append(number)
    taken = [0.0, 0.0]
    for day, own in sorted(numbers.items()):
        x = scale.x(day)
        yield f'<path class="event" d="M{px(x)} {y + 14}l5 9h-10z" fill="{_EDGE}"/>'
        text = ",".join(map(str, own)) if len(own) <= 3 else f"{own[0]}-{own[-1]}"
        room = _NUMBER_X * max(len(text) / 2, 1)
        row = next((k for k, edge in enumerate(taken) if x - room / 2 >= edge), None)
        if row is not None:  # else the words below the picture have it
            taken[row] = x + room / 2
            yield from haloed(x, y + 11 - 10 * row, text, size=10, weight="", fill=_EDGE)


def _decisions(scale: _Scale, stop_points: Sequence[StopPoint], y: float) -> Iterator[str]:
    """Lines first, then their texts on a white edge: a line may pass through the text of another."""
    texts: list[str] = []
    for row, point in enumerate(p for p in stop_points if p.date):
        assert point.date is not None
        x = scale.x(point.date)
        top = 14 + 12 * row
        text = _decision(point)
        room = 5.8 * len(text)
        anchor, at = ("end", x - 4) if x - 4 - room >= _MARGIN else ("start", x + 4)
        yield f'<path class="decision" d="M{px(x)} {top - 10}V{y}" stroke="{_EDGE}" stroke-dasharray="5 3"/>'
        texts.extend(haloed(at, top, text, size=11, anchor=anchor, weight="bold", fill=_EDGE))
    yield from texts
