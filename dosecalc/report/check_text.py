"""The result of a check as plain text: the outcome first, then what decides it, then everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Interval
from dosecalc.legible import named
from dosecalc.report.blocks import Block, Heading, Paragraph, Table, Tone, tone_of
from dosecalc.report.tables import clean, gy, page
from dosecalc.results import OUTCOME_WORDS, TOTAL, CheckResult, DoseRow, StructureDoses
from dosecalc.rules import Level

NOTICE = "independent check, not a medical device"
GRAVEST_FIRST = (
    Outcome.FAIL,
    Outcome.NOT_EVALUATED,
    Outcome.UNCERTAIN,
    Outcome.NOT_DUE,
    Outcome.PASS,
)


_LEGEND = (
    "(near max: D0.03cc, or the maximum of a smaller structure; >= where dose is missing; n: sessions; "
    "worst/fx: near max of all that is given in one day, on the worst day)"
)


def check_text(result: CheckResult, *, case_name: str, patient: str = "") -> str:
    """The whole report as text."""
    return page(check_blocks(result, case_name=case_name, patient=patient))


def check_blocks(result: CheckResult, *, case_name: str, patient: str = "") -> Iterator[Block]:
    """The same as what it is made of, for whoever lays it out."""
    provenance = result.provenance
    protocol = provenance["protocol"]
    assert isinstance(protocol, dict)
    yield f"dosecalc {provenance['dosecalc']} - {NOTICE}"
    if case_name or patient:
        yield f"case:     {clean(case_name)}   patient: {clean(patient)}".rstrip()
    yield f"protocol: {clean(str(protocol['title']))}"
    yield ""
    yield from _outcome(result)
    warnings = _warnings(result)
    yield from _notes("Warnings", warnings, tone=Tone.OPEN)
    yield from _not_met(result)
    yield from _stop_points(result)
    yield from _doses(result)
    yield from _met(result)
    yield from _notes("Assumed", tuple(a for a in result.assumptions if a not in warnings))
    yield from _notes("Noticed in the input", result.problems)
    yield from _notes("Traced to", _trace(result))


def outcome_blocks(result: CheckResult) -> Iterator[Block]:
    """What the whole check comes to, and how much more there is to be seen, for whoever wants no more."""
    yield from _outcome(result)
    for outcome in GRAVEST_FIRST:
        if outcome not in {Outcome.PASS, Outcome.NOT_DUE}:
            found = [f for f in result.findings if f.level is Level.REQUIRED and f.outcome is outcome]
            listed = ", ".join(f"{f.rule}{_about(f)}" for f in found)
            if listed:
                yield Paragraph(f"{outcome.value}: ", listed, tone=tone_of(outcome), indent=0)
    advisory = [f for f in result.findings if f.level is Level.ADVISORY]
    open_ones = sum(f.outcome not in {Outcome.PASS, Outcome.NOT_DUE} for f in advisory)
    more = {"advisory findings not met or not judged": open_ones, "warnings": len(_warnings(result))}
    for what, number in more.items():
        if number:
            yield Heading(f"{what}: {number}, shown without --quiet", Tone.OPEN)


def _outcome(result: CheckResult) -> Iterator[Block]:
    counts = Counter(f.outcome for f in result.findings if f.level is Level.REQUIRED)
    listed = ", ".join(f"{counts[o]} {o.value}" for o in GRAVEST_FIRST if counts[o]) or "none judged"
    words = OUTCOME_WORDS[result.outcome]
    yield Heading(f"OUTCOME: {result.outcome.value} - {words}", tone_of(result.outcome))
    yield f"required findings: {listed}"


def _warnings(result: CheckResult) -> tuple[str, ...]:
    return tuple(a for a in result.assumptions if a.startswith("WARNING"))


def _not_met(result: CheckResult) -> Iterator[Block]:
    open_findings = [f for f in result.findings if f.outcome not in {Outcome.PASS, Outcome.NOT_DUE}]
    for level, title in (
        (Level.REQUIRED, "Required rules that do not pass"),
        (Level.ADVISORY, "Advisory rules that are not met or not judged"),
    ):
        chosen = [f for f in open_findings if f.level is level]
        chosen.sort(key=lambda f: GRAVEST_FIRST.index(f.outcome))
        if chosen:
            yield ""
            yield Heading(title)
            for finding in chosen:
                yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[Block]:
    about = _about(finding)
    yield Paragraph(
        f"{finding.outcome.value}  {finding.rule}{about}: ",
        clean(finding.title),
        tone=tone_of(finding.outcome),
    )
    yield Paragraph("  ", clean(finding.message), indent=2)
    if finding.hot_spot_xyz_mm and finding.outcome is not Outcome.PASS:
        x, y, z = finding.hot_spot_xyz_mm
        yield f"    hot spot at x = {x:.1f}, y = {y:.1f}, z = {z:.1f} mm"


def _about(finding: Finding) -> str:
    about = named(finding.structure or finding.plan)
    return f" {about}" if about else ""


def _stop_points(result: CheckResult) -> Iterator[Block]:
    for point in result.stop_points:
        yield ""
        day = f", {point.when}" if point.when else ""
        yield Heading(
            f"Decision point: {point.dose_gy:g} Gy at fraction {point.fraction} of {point.fractions}"
        )
        dose = "" if point.given_gy is None else f" ({point.given_gy:g} Gy)"
        yield f"  of the {point.course} course{day}; {point.given} given so far{dose}"
        stop = f" ({point.stopped_on})" if point.stopped_on else ""
        yield f"  state: {point.state.value if point.state else 'cannot be said, see the rule'}{stop}"
        if point.readings:
            others = ", ".join(f"{r.name}: {r.value:.0f}" for r in point.readings)
            yield Paragraph("  by other readings of the dose, fraction: ", others, indent=4)
        rows = [
            [clean(d.structure), d.quantity, d.metric, gy(d.at_stop), gy(d.full), f"{d.saved_gy:.2f}"]
            for d in point.doses
            if d.metric == "near maximum" and d.quantity.startswith("EQD2")
        ]
        header = ["structure", "quantity", "metric", "stop there", "full course", "saved Gy"]
        yield Table(header=header, rows=rows, words=3)
        futures = [
            [
                r.rule,
                clean(r.structure),
                r.unit,
                "-" if r.limit is None else f"{r.limit:g}",
                _future(r.at_stop, r.at_stop_outcome),
                _future(r.full, r.full_outcome),
            ]
            for r in point.rules
        ]
        if futures:
            header = ["rule", "structure", "unit", "limit", "stop there", "full course"]
            yield ""
            yield Table(header=header, rows=futures, words=3)


def _future(measured: Interval | None, outcome: Outcome) -> str:
    return f"{gy(measured)} {outcome.value}"


def _doses(result: CheckResult) -> Iterator[Block]:
    if not result.structures:
        return
    yield ""
    yield Paragraph("Doses in Gy ", _LEGEND, indent=0, left=0)
    rows = []
    for structure in result.structures:
        if structure.problem:
            continue
        volume = f"{structure.volume_cm3:.2f}" if structure.volume_cm3 is not None else "-"
        ratio = f"{structure.alpha_beta_gy:g}" if structure.alpha_beta_gy is not None else "-"
        for number, row in enumerate(shown_rows(structure)):
            first = number == 0
            rows.append(
                [
                    clean(structure.name) if first else "",
                    row.course,
                    volume if first else "",
                    str(row.sessions),
                    gy(row.per_session.near_max_gy if row.per_session else None),
                    gy(row.physical.mean_gy if row.physical else None),
                    gy(row.physical.near_max_gy if row.physical else None),
                    ratio,
                    gy(row.bed.near_max_gy if row.bed else None),
                    gy(row.eqd2.mean_gy if row.eqd2 else None),
                    gy(row.eqd2.near_max_gy if row.eqd2 else None),
                ]
            )
    header = ["structure", "course", "cm3", "n", "worst/fx", "mean", "near max", "a/b"]
    header += ["BED near max", "EQD2 mean", "EQD2 near max"]
    yield Table(header=header, rows=rows, words=2)
    lacks = dict.fromkeys(r for s in result.structures for row in s.rows for r in row.incomplete)
    for reason in lacks:
        yield Paragraph("missing: ", clean(reason))
    for structure in result.structures:
        if structure.problem:
            yield Paragraph("", f"{clean(structure.name)}: {clean(structure.problem)}")
        for note in structure.notes:
            yield Paragraph("", f"{clean(structure.name)}: {clean(note)}")


def shown_rows(structure: StructureDoses) -> Iterator[DoseRow]:
    """The rows of the treatment as it stands, then what was given so far, and the plans where they differ."""
    yield from structure.rows
    total = structure.total
    for name, rows in (("given so far", structure.delivered), ("as planned", structure.planned)):
        found = next((r for r in rows if r.course == TOTAL), None)
        if found is not None and total is not None and found != total:
            yield replace(found, course=name)


def _met(result: CheckResult) -> Iterator[Block]:
    for outcome, title in ((Outcome.NOT_DUE, "Not due yet"), (Outcome.PASS, "Passed")):
        chosen = [f for f in result.findings if f.outcome is outcome]
        if chosen:
            yield ""
            yield Heading(title, tone_of(outcome))
        for finding in chosen:
            about = _about(finding)
            due = f" (due {finding.due})" if finding.due and outcome is Outcome.NOT_DUE else ""
            kind = "" if finding.level is Level.REQUIRED else " (advisory)"
            yield Paragraph(f"{finding.rule}{about}{kind}{due}: ", clean(finding.message))
    if result.shown:
        yield ""
        yield Heading("Shown, not judged")
    for finding in result.shown:
        yield Paragraph(f"{finding.rule} {named(finding.structure)}: ", clean(finding.message))


def _notes(title: str, notes: tuple[str, ...], *, tone: Tone = Tone.PLAIN) -> Iterator[Block]:
    if notes:
        yield ""
        yield Heading(title, tone)
        for note in notes:
            yield Paragraph("- ", clean(note), indent=2)


def _trace(result: CheckResult) -> tuple[str, ...]:
    protocol, inputs = result.provenance["protocol"], result.provenance["inputs"]
    assert isinstance(protocol, dict)
    assert isinstance(inputs, list)
    used = [i for i in inputs if i["used"]]
    return (
        f"protocol {protocol['file']}, SHA-256 {str(protocol['sha256'])[:16]}..., {protocol['source']}",
        f"{len(used)} files used of {len(inputs)}; SHA-256 and UID of each are in the JSON",
    )
