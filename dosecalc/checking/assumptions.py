"""Everything a check took without being told, or was told by a person, in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from dosecalc.casefile import CASE_FILE
from dosecalc.checking.context import Context
from dosecalc.checking.frame_rules import displaced
from dosecalc.checking.session_rules import days_of
from dosecalc.checking.sums import recovery
from dosecalc.errors import DosecalcError
from dosecalc.quantities import Bed, Eqd2, model_text
from dosecalc.registrations import NoPath, Step
from dosecalc.rules import CumulativeLimit, DecisionPoint, DoseMatchesPrescription
from dosecalc.shapes import Between
from dosecalc.statement import EventKind


def assumptions(context: Context) -> tuple[str, ...]:
    """Everything that was taken without being stated."""
    settings = context.settings
    matched = [
        name if roi == name else f"{name} = {roi!r}"
        for (name, _), roi in sorted(context.matches.items())
        if name not in context.case.statement.structures
    ]
    said = [f"{name} = {roi!r}" for name, roi in context.case.statement.structures.items()]
    lost = [f"WARNING: {text}" for text in context.treatment.lost]
    if context.treatment.unassigned:
        lost.append("state the role of such a plan in case.toml, or why it is left out: ignore")
    lost.extend(_unasked(context))
    lost.extend(_below_the_folder(context))
    apart = displaced(context)
    if apart:
        lost.append(f"WARNING: no sum over all courses is certain, whatever is shown: {'; '.join(apart)}")
    lost.extend(_outside_validity(context))
    judged = any(isinstance(r.test, DecisionPoint) for r in context.protocol.rules)
    stated = [
        ("" if judged or e.kind is not EventKind.ULCER else "WARNING: no rule judges it: ")
        + f"event on {e.date}: {e.kind.value} {e.detail}".rstrip()
        for e in context.treatment.ledger.events
    ]
    reference = _reference(context)
    before = "before treatment" if context.as_of is None else str(context.as_of)
    return (
        *lost,
        *context.treatment.assumptions,
        *([f"structures as stated: {', '.join(said)}"] if said else []),
        *([f"structures taken by name: {', '.join(dict.fromkeys(matched))}"] if matched else []),
        *stated,
        *reference,
        f"judged as of: {before}",
        f"{_SLICES[settings.between]} (end caps: {settings.end_caps.value})",
        *(f"registered {step}" for step in _steps(context)),
        *_models(context),
        "linear-quadratic model with the a/b of the protocol, complete repair between sessions of different "
        f"days, {_recovery(context)}; no repopulation but in rows of its own",
    )


_SLICES = {
    Between.INTERPOLATED: "between slices a structure is interpolated, and beyond its ends rounded off or "
    "carried on for half a slice",
    Between.EXTRUDED: "slices hold for half their spacing up and down",
}


def _below_the_folder(context: Context) -> Iterator[str]:
    """Case files that state something of a folder below this one, which nobody asked for."""
    read = {file.sha256 for file in context.case.inputs if file.kind == "case"}
    for file in context.case.inputs:
        if PurePosixPath(file.path).name == CASE_FILE and not file.used and file.sha256 not in read:
            yield f"WARNING: {file.path} lies below the folder and is not read: --case takes it"


def _recovery(context: Context) -> str:
    """Where the sums that are judged are less what was recovered from, in words."""
    rules = [
        rule.id
        for rule in context.protocol.rules
        if isinstance(rule.test, CumulativeLimit)
        and any(recovery(context, rule.test, name)[0] for name in rule.test.structures)
    ]
    if not rules:
        return "no recovery of prior dose in any sum that is judged"
    return f"recovery of prior dose in {', '.join(rules)} only"


def _steps(context: Context) -> Iterator[Step]:
    """The registrations by which doses of other frames enter the sums, each once."""
    try:
        frame = next(s.frame_uid for s in context.structure_set() if s.frame_uid)
    except (DosecalcError, StopIteration):
        return  # then nothing is registered
    seen = set()
    for grid in context.treatment.ledger.known().grids():
        try:
            route = context.case.frames.route(frame, grid.frame_uid)
        except DosecalcError:
            continue  # the rule on frames says why
        for step in () if isinstance(route, NoPath) else route:
            if str(step) not in seen:
                seen.add(str(step))
                yield step


def _models(context: Context) -> Iterator[str]:
    """Models of effect that the protocol has besides the linear-quadratic one, and whose they are."""
    named: dict[str, list[str]] = {}
    for entry in context.protocol.structures:
        text = model_text(entry.model)
        if text:
            named.setdefault(f"{text} ({entry.model_source})", []).append(entry.name)
        if entry.repopulation is not None:
            factor = entry.repopulation
            daily = f"repopulation of {factor.k_gy_per_day:g} Gy of BED a day"
            text = f"{daily} from day {factor.kickoff_days:g} of a course on, in rows of its own "
            text += f"({entry.repopulation_source})"
            named.setdefault(text, []).append(entry.name)
    for text, names in named.items():
        yield f"{text}: {', '.join(names)}"


def _outside_validity(context: Context) -> Iterator[str]:
    """Doses per session for which a model and its a/b are not held to be valid."""
    for entry in context.protocol.structures:
        if entry.valid_gy is None:
            continue
        low, high = entry.valid_gy
        for course in context.treatment.ledger.courses:
            ledger = context.treatment.ledger.course(course).known()
            try:
                cells = context.cells(context.find(entry.name, context.structure_set()), ledger)
                doses = [cells.session_curve(d.known).bounds(lambda c: c.max_gy) for d in days_of(ledger)]
            except DosecalcError:
                continue  # then its effect is not said either
            beyond = max((d.value for d in doses), default=low)
            if beyond > high:
                yield (
                    f"WARNING: {entry.name}: up to {beyond:.2f} Gy in a session of the {course} course: its "
                    f"model and a/b are held to be valid for {low:g} to {high:g} Gy"
                )


def _unasked(context: Context) -> Iterator[str]:
    """What nobody stated or asked for, and what follows from that."""
    rules = context.protocol.rules
    if not any(isinstance(r.test, DoseMatchesPrescription) for r in rules):
        yield "WARNING: no rule of the protocol holds the doses against their prescriptions"
    if context.protocol.changed_rules:
        changed = ", ".join(context.protocol.changed_rules)
        yield f"WARNING: {context.protocol.path} changes rules of the protocol it extends: {changed}"
    yield from _unfound(context)
    for course in context.treatment.ledger.courses:
        ledger = context.treatment.ledger.course(course)
        stated = context.case.statement.course(course)
        if context.treatment.of_course(course) and all(s.date is None for s in ledger):
            yield f"WARNING: {course}: no dates are stated, so rules on its calendar judge nothing"
        silent = stated.delivered is None and not len(ledger.delivered())
        if context.treatment.of_course(course) and silent:
            yield f"{course}: nothing is stated of fractions delivered; taken as none"
    for rule in rules:
        if isinstance(rule.test, CumulativeLimit) and isinstance(rule.test.goal.quantity, Bed | Eqd2):
            limit = rule.test.goal.quantity.alpha_beta_gy
            for name in rule.test.structures:
                own = context.protocol.structure(name).alpha_beta_gy
                if own != limit:
                    yield f"{rule.id}: {name} is judged at the limit's a/b {limit:g}, not {own:g} Gy"


def _unfound(context: Context) -> Iterator[str]:
    """Structures that are stated and cannot be taken as stated."""
    try:
        structure_set = context.structure_set()
    except DosecalcError:
        return  # the rules say so
    for name in context.case.statement.structures:
        try:
            context.find(name, structure_set)
        except DosecalcError as error:
            yield f"WARNING: {error}"


def _reference(context: Context) -> Iterator[str]:
    """Whose structures the sums over all courses are taken in."""
    try:
        found = context.structure_set()
    except DosecalcError:
        return  # the rules say so
    last = context.treatment.plans[-1]
    if context.case.structure_set_of(last.plan) is None:
        yield f"WARNING: the structure set of {last.name} is not in the folder"
    yield f"sums over all courses are taken in the structures of {found.source or found.uid}"
