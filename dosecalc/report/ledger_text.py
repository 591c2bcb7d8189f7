"""The book as plain text: one line a session or event, then counts, plans, warnings and notes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from dosecalc.book import Amount, Entry, EventEntry, Item, SessionEntry, decimal, exact
from dosecalc.report.blocks import TIED, Across, Block, Heading, Paragraph, Table, Tone
from dosecalc.report.check_text import NOTICE
from dosecalc.report.ledger_view import LedgerView
from dosecalc.report.tables import clean, page
from dosecalc.sessions import State

MARKS = {State.DELIVERED: "x", State.PLANNED: "."}
EVENT_MARK = "!"
_PLACES = 4
"""Decimals of a printed dose that has more of them, or no end."""
_LEGEND = (
    "as prescribed, of the highest prescription of a plan, all plans of a session added; it is no "
    "structure's dose; sum: of the course so far; >= where not all of it is known"
)
_LABEL_WIDTH = 20
_HEADER = ("", "date", "time", "course", "day", "fractions", "dose Gy", "n", "sum Gy")
_WORDS = _HEADER.index("day")  # the columns before it say what a row is about
_FRACTIONS = _HEADER.index("fractions")


def ledger_text(view: LedgerView, *, patient: str = "") -> str:
    """The book as text: no line is wider than a page, and equal sessions have a line each."""
    return page(ledger_blocks(view, patient=patient))


def ledger_blocks(view: LedgerView, *, patient: str = "") -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    provenance = view.provenance
    protocol = provenance["protocol"]
    assert isinstance(protocol, Mapping)
    yield f"dosecalc {provenance['dosecalc']} - {NOTICE}"
    if patient:
        yield f"patient:  {clean(patient)}".rstrip()
    yield Paragraph("protocol: ", clean(str(protocol["title"])), indent=10, left=0)
    yield f"book:     {clean(view.stands)}"
    if view.warnings:
        yield f"warnings: {len(view.warnings)}, below the book"
    yield ""
    yield from book_blocks(view.entries)
    yield ""
    yield from _counts(view)
    yield from _plans(view.entries)
    yield from _section("Warnings", view.warnings, tone=Tone.OPEN)
    yield from _section("Noted", tuple(n for n in view.notes if n not in view.warnings))
    yield from _section("Noticed in the input", view.problems)
    inputs = provenance["inputs"]
    assert isinstance(inputs, Sequence)
    used = [i for i in inputs if i["used"]]
    traced = (
        f"protocol {protocol['file']}, SHA-256 {str(protocol['sha256'])[:16]}..., {protocol['source']}",
        f"{len(used)} files used of {len(inputs)}; SHA-256 and UID of each are in the JSON",
    )
    yield from _section("Traced to", traced)


def _section(title: str, texts: Sequence[str], *, tone: Tone = Tone.PLAIN) -> Iterator[Block]:
    if texts:
        yield ""
        yield Heading(title, tone)
        for text in texts:
            yield Paragraph("- ", clean(text), indent=2)


def book_blocks(entries: Sequence[Entry]) -> Iterator[Block]:
    """The table of sessions and events, with its legend."""
    names = names_of(entries)
    sessions = [e for e in entries if isinstance(e, SessionEntry)]
    rows = {id(e): row for e, row in zip(sessions, _session_rows(sessions, names), strict=True)}
    yield Table(
        header=_HEADER,
        rows=[_event_row(e) if isinstance(e, EventEntry) else rows[id(e)] for e in entries],
        words=_WORDS,
        texts=frozenset({_FRACTIONS}),
        folds=_FRACTIONS,
    )
    yield f"  {MARKS[State.DELIVERED]} given, {MARKS[State.PLANNED]} planned, {EVENT_MARK} event; " + (
        "day: prescribed day of the course; n: its whole fractions so far"
    )
    yield Paragraph("dose: ", _LEGEND, indent=0)
    if any(i.is_approximate for e in sessions for i in e.items):
        yield "  ~ of a beam that was broken off; its dose was computed for the whole beam only"


def _session_rows(sessions: Sequence[SessionEntry], names: Mapping[str, str]) -> Iterator[list[str]]:
    doses = _aligned([amount_text(e.dose) for e in sessions])
    sums = _aligned([amount_text(e.cumulative) for e in sessions])
    for entry, dose, so_far in zip(sessions, doses, sums, strict=True):
        yield [
            MARKS[entry.state],
            f"{entry.date} {entry.weekday}" if entry.date else "no date",
            f"{entry.time:%H:%M}" if entry.time else "",
            _short(entry.course),
            str(entry.day),
            " + ".join(item_text(i, names).replace(" ", TIED) for i in entry.items) or "nothing",
            dose,
            "?" if entry.fractions is None else str(entry.fractions),
            so_far,
        ]


def _event_row(entry: EventEntry) -> Across:
    return Across((EVENT_MARK, f"{entry.date} {entry.weekday}"), event_text(entry))


def event_text(entry: EventEntry) -> str:
    """What happened, in words."""
    kind = entry.kind.value.replace("_", " ")
    detail = clean(entry.detail)
    return f"{kind}: {detail}" if detail else kind


def names_of(entries: Sequence[Entry]) -> dict[str, str]:
    """How each plan is called: by its roles, or where several plans have these, by its label too."""
    items = {i.plan_uid: i for e in entries if isinstance(e, SessionEntry) for i in e.items}
    roles = {uid: "+".join(i.roles) for uid, i in items.items()}
    shared = {r for r, same in itertools.groupby(sorted(roles.values())) if len(list(same)) > 1}
    names = {}
    for uid, item in items.items():
        name = _short(roles[uid]) if roles[uid] else ""
        if not uid:
            name = "stated"
        elif not name or roles[uid] in shared:
            name = f"{name} {_short(item.plan_label) or uid}".strip()
        names[uid] = name
    return names


def item_text(item: Item, names: Mapping[str, str]) -> str:
    """Which fraction of which plan, and what part of it where that is not all."""
    text = f"{names[item.plan_uid]}{' whole course' if item.fraction is None else f' {item.fraction}'}"
    if item.share == 0:
        return f"{text} (unknown part)"
    if item.share != 1:
        return f"{text} ({'~' if item.is_approximate else ''}{percent(item.share)})"
    return f"{text} (~)" if item.is_approximate else text


def percent(share: Decimal) -> str:
    """A share in percent, rounded away from 100 so that the digits show the side.

    >>> percent(Decimal("0.5")), percent(Decimal("0.99999")), percent(Decimal("1.00001"))
    ('50 %', '99.99 %', '100.01 %')
    """
    hundredths = Fraction(share) * 10000
    whole = math.floor(hundredths) if hundredths < 10000 else math.ceil(hundredths)
    return f"{exact(Fraction(whole, 100))} %"


def dose_text(gy: Fraction) -> str:
    """A dose with the decimals that it has, or 4 where it has more.

    >>> dose_text(Fraction(13, 2)), dose_text(Fraction(2797, 1400))
    ('6.5', '1.9979')
    """
    return exact(gy) if 10**_PLACES % gy.denominator == 0 else decimal(gy, places=_PLACES)


def amount_text(amount: Amount) -> str:
    """The same with ``>=`` for a lower bound, ``-`` where nothing is known."""
    if not amount.at_least:
        return dose_text(amount.gy)
    return f">={dose_text(amount.gy)}" if amount.gy else "-"


def _aligned(numbers: Sequence[str]) -> list[str]:
    """Numbers with blanks behind, so that their points stand below each other."""
    behind = [len(n.partition(".")[2]) + ("." in n) for n in numbers]
    most = max(behind, default=0)
    return [n + " " * (most - k) for n, k in zip(numbers, behind, strict=True)]


def _short(text: str) -> str:
    found = clean(text)
    return found if len(found) <= _LABEL_WIDTH else f"{found[: _LABEL_WIDTH - 3]}..."


def _counts(view: LedgerView) -> Iterator[Block]:
    yield Heading("Whole fractions and prescribed dose; projected: given and left")
    header = ["course", "planned", "given", "in part", "left", "planned Gy", "given Gy", "projected Gy"]
    rows = [
        [
            _short(c.course),
            *("?" if n is None else str(n) for n in (c.planned, c.delivered, c.begun, c.left)),
            *map(amount_text, (c.planned_dose, c.delivered_dose, c.projected_dose)),
        ]
        for c in view.counts
    ]
    yield Table(header=header, rows=rows)


def _plans(entries: Sequence[Entry]) -> Iterator[Block]:
    names = names_of(entries)
    items = {i.plan_uid: i for e in entries if isinstance(e, SessionEntry) for i in e.items}
    if any(uid for uid in items):
        yield ""
        yield Heading("Plans, with the prescribed dose of one fraction")
    for uid, item in items.items():
        if not uid:
            continue
        doses = [f"{role} {_known(gy)}" for role, gy in item.by_role if len(item.by_role) > 1]
        text = f"plan {clean(item.plan_label)!r}, {' and '.join(doses) or _known(item.whole_gy)}, UID {uid}"
        yield Paragraph(f"{names[uid]}: ", clean(text))


def _known(gy: Fraction | None) -> str:
    return "dose not known" if gy is None else f"{dose_text(gy)} Gy"
