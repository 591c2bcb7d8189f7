"""The result of a check as plain text: the outcome first, then what decides it, then everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Interval
from dosecalc.legible import named
from dosecalc.report.tables import clean, gy, page, table, wrapped
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


def check_text(result: CheckResult, *, case_name: str, patient: str = "") -> str:
    """The whole report as text."""
    return page(_lines(result, case_name, patient))


def _lines(result: CheckResult, case_name: str, patient: str) -> Iterator[str]:
    provenance = result.provenance
    protocol = provenance["protocol"]
    assert isinstance(protocol, dict)
    yield f"dosecalc {provenance['dosecalc']} - {NOTICE}"
    if case_name or patient:
        yield f"case:     {clean(case_name)}   patient: {clean(patient)}".rstrip()
    yield f"protocol: {clean(str(protocol['title']))}"
    yield ""
    counts = Counter(f.outcome for f in result.findings if f.level is Level.REQUIRED)
    listed = ", ".join(f"{counts[o]} {o.value}" for o in GRAVEST_FIRST if counts[o]) or "none judged"
    yield f"OUTCOME: {result.outcome.value} - {OUTCOME_WORDS[result.outcome]}"
    yield f"required findings: {listed}"
    warnings = tuple(a for a in result.assumptions if a.startswith("WARNING"))
    yield from _notes("Warnings", warnings)
    yield from _not_met(result)
    yield from _stop_points(result)
    yield from _doses(result)
    yield from _met(result)
    yield from _notes("Assumed", tuple(a for a in result.assumptions if a not in warnings))
    yield from _notes("Noticed in the input", result.problems)
    yield from _notes("Traced to", _trace(result))


def _not_met(result: CheckResult) -> Iterator[str]:
    open_findings = [f for f in result.findings if f.outcome not in {Outcome.PASS, Outcome.NOT_DUE}]
    for level, title in (
        (Level.REQUIRED, "Required rules that do not pass"),
        (Level.ADVISORY, "Advisory rules that are not met or not judged"),
    ):
        chosen = [f for f in open_findings if f.level is level]
        chosen.sort(key=lambda f: GRAVEST_FIRST.index(f.outcome))
        if chosen:
            yield ""
            yield title
            for finding in chosen:
                yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    about = _about(finding)
    yield from wrapped(f"{finding.outcome.value}  {finding.rule}{about}: ", clean(finding.title), indent=4)
    yield from wrapped("  ", clean(finding.message), indent=2)
    if finding.hot_spot_xyz_mm and finding.outcome is not Outcome.PASS:
        x, y, z = finding.hot_spot_xyz_mm
        yield f"    hot spot at x = {x:.1f}, y = {y:.1f}, z = {z:.1f} mm"


def _about(finding: Finding) -> str:
    about = named(finding.structure or finding.plan)
    return f" {about}" if about else ""


def _stop_points(result: CheckResult) -> Iterator[str]:
    for point in result.stop_points:
        yield ""
        day = f", planned on {point.date}" if point.date else ""
        yield f"Decision point: {point.dose_gy:g} Gy at fraction {point.fraction} of {point.fractions}"
        dose = "" if point.given_gy is None else f" ({point.given_gy:g} Gy)"
        yield f"  of the {point.course} course{day}; {point.given} given so far{dose}"
        stop = f" ({point.stopped_on})" if point.stopped_on else ""
        yield f"  state: {point.state.value if point.state else 'cannot be said, see the rule'}{stop}"
        if point.readings:
            others = ", ".join(f"{r.name}: {r.value:.0f}" for r in point.readings)
            yield from wrapped("  by other readings of the dose, fraction: ", others, indent=4)
        rows = [
            [clean(d.structure), d.quantity, d.metric, gy(d.at_stop), gy(d.full), f"{d.saved_gy:.2f}"]
            for d in point.doses
            if d.metric == "near maximum" and d.quantity.startswith("EQD2")
        ]
        yield from table(
            ["structure", "quantity", "metric", "stop there", "full course", "saved Gy"], rows, words=3
        )
        futures = [
            [
                r.rule,
                clean(r.structure),
                r.unit,
                _future(r.at_stop, r.at_stop_outcome),
                _future(r.full, r.full_outcome),
            ]
            for r in point.rules
        ]
        if futures:
            yield from table(["rule", "structure", "unit", "stop there", "full course"], futures, words=3)


def _future(measured: Interval | None, outcome: Outcome) -> str:
    return f"{gy(measured)} {outcome.value}"


def _doses(result: CheckResult) -> Iterator[str]:
    if not result.structures:
        return
    yield ""
    yield "Doses in Gy (near max: D0.03cc, or the maximum of a smaller structure; >= where dose is missing;"
    yield "n: sessions; worst/fx: near max of all that is given in one day, on the worst day)"
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
    yield from table([*header, "BED near max", "EQD2 mean", "EQD2 near max"], rows, words=2)
    lacks = dict.fromkeys(r for s in result.structures for row in s.rows for r in row.incomplete)
    for reason in lacks:
        yield from wrapped("missing: ", clean(reason))
    for structure in result.structures:
        if structure.problem:
            yield from wrapped("", f"{clean(structure.name)}: {clean(structure.problem)}")
        for note in structure.notes:
            yield from wrapped("", f"{clean(structure.name)}: {clean(note)}")


def shown_rows(structure: StructureDoses) -> Iterator[DoseRow]:
    """The rows of the treatment as it stands, then what was given so far, and the plans where they differ."""
    yield from structure.rows
    total = structure.total
    for name, rows in (("given so far", structure.delivered), ("as planned", structure.planned)):
        found = next((r for r in rows if r.course == TOTAL), None)
        if found is not None and total is not None and found != total:
            yield replace(found, course=name)


def _met(result: CheckResult) -> Iterator[str]:
    for outcome, title in ((Outcome.NOT_DUE, "Not due yet"), (Outcome.PASS, "Passed")):
        chosen = [f for f in result.findings if f.outcome is outcome]
        if chosen:
            yield ""
            yield title
        for finding in chosen:
            about = _about(finding)
            due = f" (due {finding.due})" if finding.due and outcome is Outcome.NOT_DUE else ""
            kind = "" if finding.level is Level.REQUIRED else " (advisory)"
            yield from wrapped(f"{finding.rule}{about}{kind}{due}: ", clean(finding.message))
    if result.shown:
        yield ""
        yield "Shown, not judged"
    for finding in result.shown:
        yield from wrapped(f"{finding.rule} {named(finding.structure)}: ", clean(finding.message))


def _notes(title: str, notes: tuple[str, ...]) -> Iterator[str]:
    if notes:
        yield ""
        yield title
        for note in notes:
            yield from wrapped("- ", clean(note), indent=2)


def _trace(result: CheckResult) -> tuple[str, ...]:
    protocol, inputs = result.provenance["protocol"], result.provenance["inputs"]
    assert isinstance(protocol, dict)
    assert isinstance(inputs, list)
    used = [i for i in inputs if i["used"]]
    return (
        f"protocol {protocol['file']}, SHA-256 {str(protocol['sha256'])[:16]}..., {protocol['source']}",
        f"{len(used)} files used of {len(inputs)}; SHA-256 and UID of each are in the JSON",
    )
