"""The calendar of the book: months with a mark for each session and event, as plain text and as SVG."""

from __future__ import annotations

import calendar
import datetime as dt
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from dosecalc.book import WEEKDAYS, Entry, EventEntry, SessionEntry
from dosecalc.legible import named
from dosecalc.report.blocks import Block, Paragraph
from dosecalc.report.ledger_text import EVENT_MARK, MARKS, amount_text, event_text, item_text, names_of
from dosecalc.report.tables import page, printable
from dosecalc.sessions import State

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MOST_MARKS = 3  # of one kind in one day
_Month = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Day:
    sessions: list[SessionEntry] = field(default_factory=list)
    events: list[EventEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Calendar:
    """What lies on which day, the months that hold anything, and what has no day."""

    days: Mapping[dt.date, _Day]
    months: Sequence[_Month]
    undated: Sequence[SessionEntry]
    names: Mapping[str, str]


def _calendar(entries: Sequence[Entry]) -> _Calendar:
    days: dict[dt.date, _Day] = {}
    undated = []
    for entry in entries:
        if entry.date is None:
            undated.append(entry)
        elif isinstance(entry, EventEntry):
            days.setdefault(entry.date, _Day()).events.append(entry)
        else:
            days.setdefault(entry.date, _Day()).sessions.append(entry)
    return _Calendar(
        days=days,
        months=sorted({(d.year, d.month) for d in days}),
        undated=undated,
        names=names_of(entries),
    )


def _weeks(month: _Month) -> list[list[int]]:
    """Days of a month in weeks from Monday to Sunday; 0 where a day is of another month."""
    return calendar.Calendar(calendar.MONDAY).monthdayscalendar(*month)


def course_words(entries: Sequence[Entry]) -> Iterator[str]:
    """Each course in words: its sessions, and the days from first to last."""
    sessions = [e for e in entries if isinstance(e, SessionEntry)]
    for course in dict.fromkeys(e.course for e in sessions):
        own = [e for e in sessions if e.course == course]
        given = sum(e.state is State.DELIVERED for e in own)
        dates = [e.date for e in own if e.date is not None]
        undated = len(own) - len(dates)
        last = f" to {max(dates)}" if len(set(dates)) > 1 else ""
        span = f", {min(dates)}{last}" if dates else ""
        without = f", {undated} without a date" if undated else ""
        word = "session" if given == 1 else "sessions"
        yield f"{named(course)}: {given} {word} given, {len(own) - given} planned{span}{without}"


def calendar_text(entries: Sequence[Entry]) -> str:
    """Months as rows of weeks, only those that hold anything; what has no date stands below."""
    return page(calendar_blocks(entries))


def calendar_blocks(entries: Sequence[Entry]) -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    found = _calendar(entries)
    marks = {day: _marks(what) for day, what in found.days.items()}
    width = 3 + max(map(len, marks.values()), default=0)
    for number, month in enumerate(found.months):
        if number:
            yield ""
        yield f"  {_MONTHS[month[1] - 1]} {month[0]}"
        yield f"  week  {'  '.join(name.ljust(width) for name in WEEKDAYS)}".rstrip()
        for week in _weeks(month):
            first = dt.date(*month, next(day for day in week if day))
            cells = [f"{day:2} {marks.get(dt.date(*month, day), '')}" if day else "" for day in week]
            line = "  ".join(cell.ljust(width) for cell in cells)
            yield f"  {first.isocalendar().week:4}  {line}".rstrip()
    if found.months:
        yield ""
    yield f"  {MARKS[State.DELIVERED]} given, {MARKS[State.PLANNED]} planned, {EVENT_MARK} event" + (
        "; +: more than three" if any("+" in m for m in marks.values()) else ""
    )
    for text in course_words(entries):
        yield Paragraph("", text)


def _marks(day: _Day) -> str:
    counted = [(MARKS[s], sum(e.state is s for e in day.sessions)) for s in (State.DELIVERED, State.PLANNED)]
    counted.append((EVENT_MARK, len(day.events)))
    return "".join(mark * min(n, _MOST_MARKS) + "+" * (n > _MOST_MARKS) for mark, n in counted)


# ---------------------------------------------------------------- SVG, lengths in pixels
_CELL_X, _CELL_Y = 34, 38
_MONTHS_A_ROW, _GAP, _MARGIN, _HEAD = 3, 30, 24, 46
_MONTH_X = 7 * _CELL_X
_PICTURE_X = 2 * _MARGIN + _MONTHS_A_ROW * _MONTH_X + (_MONTHS_A_ROW - 1) * _GAP
_LINE_Y = 18
_TEXT_WIDTH = 110  # characters of a line of text below the months


def calendar_svg(entries: Sequence[Entry]) -> str:
    """The calendar as a picture of its own: no scripts, no links, readable in black and white.

    A disc is a session that was given, a ring one that is planned, with its day of the course in it and
    a star where it is a part of a fraction only; a triangle is an event. Each day says in its title what
    it holds.
    """
    found = _calendar(entries)
    rows = [found.months[k : k + _MONTHS_A_ROW] for k in range(0, len(found.months), _MONTHS_A_ROW)]
    body: list[str] = []
    top = _MARGIN + 26
    for row in rows:
        for column, month in enumerate(row):
            body.extend(_month(found, month, _MARGIN + column * (_MONTH_X + _GAP), top))
        top += _HEAD + _CELL_Y * max(len(_weeks(m)) for m in row)
    body.extend(_legend(top + _LINE_Y))
    top += 3 * _LINE_Y
    for line in _words(entries):
        body.append(_text(_MARGIN, top, line, size=12))
        top += _LINE_Y
    described = "; ".join(course_words(entries)) or "nothing is booked"
    size = f'width="{_PICTURE_X}" height="{top + _MARGIN - _LINE_Y}"'
    box = f'viewBox="0 0 {_PICTURE_X} {top + _MARGIN - _LINE_Y}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" '
        'font-family="sans-serif" fill="black">',
        "<title>Calendar of the treatment</title>",
        f"<desc>Sessions given and planned, and events, by day. {_escaped(described)}</desc>",
        f'<rect width="{_PICTURE_X}" height="{top + _MARGIN - _LINE_Y}" fill="white"/>',
        _text(_MARGIN, _MARGIN + 8, "Calendar of the treatment", size=16, weight="bold"),
        *body,
        "</svg>",
    ]
    return "".join(f"{line}\n" for line in lines)


def _month(found: _Calendar, month: _Month, left: int, top: int) -> Iterator[str]:
    yield _text(left, top + 14, f"{_MONTHS[month[1] - 1]} {month[0]}", size=14, weight="bold")
    for column, name in enumerate(WEEKDAYS):
        yield _text(left + (column + 0.5) * _CELL_X, top + 34, name, size=10, anchor="middle")
    for row, week in enumerate(_weeks(month)):
        for column, day in enumerate(week):
            if day:
                x, y = left + column * _CELL_X, top + 40 + row * _CELL_Y
                yield from _cell(found, dt.date(*month, day), x, y, weekend=column >= 5)


def _cell(found: _Calendar, date: dt.date, x: int, y: int, *, weekend: bool) -> Iterator[str]:
    fill = "#eeeeee" if weekend else "white"
    day = found.days.get(date, _Day())
    yield "<g>"
    if day.sessions or day.events:
        yield f"<title>{_escaped(_day_text(date, day, found.names))}</title>"
    yield f'<rect x="{x}" y="{y}" width="{_CELL_X}" height="{_CELL_Y}" fill="{fill}" stroke="#999999"/>'
    yield _text(x + 3, y + 10, str(date.day), size=9, fill="#333333")
    shown = day.sessions[:2]
    for number, entry in enumerate(shown):
        alone = len(day.sessions) == 1
        centre = x + _CELL_X / 2 + (0 if alone else (number - 0.5) * 16)
        part = "*" if any(i.share != 1 for i in entry.items) else ""
        yield from _disc(centre, y + 25, f"{entry.day}{part}", entry.state, radius=10.5 if alone else 7.5)
    if len(day.sessions) > len(shown):
        yield _text(x + 14, y + 10, f"+{len(day.sessions) - len(shown)}", size=9, weight="bold")
    if day.events:
        yield _triangle(x + _CELL_X - 8, y + 7)
        if len(day.events) > 1:
            yield _text(x + _CELL_X - 20, y + 10, f"{len(day.events)}", size=9, weight="bold")
    yield "</g>"


def _day_text(date: dt.date, day: _Day, names: Mapping[str, str]) -> str:
    parts = []
    for entry in day.sessions:
        items = " + ".join(_with_label(item_text(i, names), i.plan_label) for i in entry.items)
        dose = amount_text(entry.dose)
        time = f" {entry.time:%H:%M}" if entry.time else ""
        parts.append(f"{entry.state.value}{time}: {entry.course} day {entry.day}, {items}, {dose} Gy")
    parts.extend(event_text(e) for e in day.events)
    return f"{date} {WEEKDAYS[date.weekday()]}: {'; '.join(parts)}"


def _with_label(text: str, label: str) -> str:
    return f"{text} [{label}]" if label else text


def _disc(x: float, y: float, number: str, state: State, *, radius: float) -> Iterator[str]:
    given = state is State.DELIVERED
    fill, ink = ("black", "white") if given else ("white", "black")
    size = (10 if radius > 10 else 8) - (len(number) > 2)
    yield f'<circle cx="{x:g}" cy="{y:g}" r="{radius}" fill="{fill}" stroke="black" stroke-width="1.3"/>'
    yield _text(x, y + size * 0.36, number, size=size, anchor="middle", fill=ink)


def _triangle(x: float, y: float) -> str:
    return f'<path d="M{x:g} {y - 5:g} l5.5 9.5 h-11 z" fill="black"/>'


def _legend(y: float) -> Iterator[str]:
    x = float(_MARGIN + 10)
    for state, word in ((State.DELIVERED, "given"), (State.PLANNED, "planned")):
        yield from _disc(x, y, "5", state, radius=10.5)
        yield _text(x + 16, y + 4, word, size=12)
        x += 90
    yield _triangle(x, y)
    yield _text(x + 12, y + 4, "event", size=12)
    yield _text(x + 70, y + 4, "number: day of the course; * part of a fraction", size=12)


def _words(entries: Sequence[Entry]) -> Iterator[str]:
    """What the marks cannot say: each course, and each event with its day."""
    texts = [*course_words(entries)]
    texts.extend(f"event {e.date}: {event_text(e)}" for e in entries if isinstance(e, EventEntry))
    for text in texts:
        yield from textwrap.wrap(text, _TEXT_WIDTH)


def _text(
    x: float, y: float, text: str, *, size: float, anchor: str = "start", weight: str = "", fill: str = ""
) -> str:
    more = f' text-anchor="{anchor}"' if anchor != "start" else ""
    more += f' font-weight="{weight}"' if weight else ""
    more += f' fill="{fill}"' if fill else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{more}>{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    """Text fit for XML, which forbids control characters even where they are escaped."""
    return escape(printable(text))
