"""The result of a check as one HTML page that needs nothing else: for the screen, and for paper."""

from __future__ import annotations

import enum
import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dosecalc.checking.judging import digits
from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Interval
from dosecalc.legible import named, told
from dosecalc.report import dvh_picture
from dosecalc.report.check_text import GRAVEST_FIRST, NOTICE, shown_rows
from dosecalc.report.dvh_picture import drawn_figure, drawn_structures
from dosecalc.report.section_picture import section_svg
from dosecalc.report.tables import gy
from dosecalc.report.timeline_picture import timeline_svg, timeline_words
from dosecalc.results import OUTCOME_WORDS, CheckResult, StructureDoses
from dosecalc.rules import Level


class Paper(enum.StrEnum):
    """The size of a printed page."""

    A4 = "A4"
    LETTER = "letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands first: whether every required rule passed, what was not judged, and what was assumed.

    ``not_judged`` are rules with the reason that they share, ``due`` those that are not due with their days,
    ``uncertain`` the required ones that are neither passed nor failed.
    """

    passed: str
    not_judged: tuple[tuple[str, str], ...]
    not_due: tuple[Finding, ...]
    due: tuple[str, ...]
    uncertain: tuple[str, ...]
    warnings: tuple[str, ...]
    assumed: tuple[str, ...]
    not_met: tuple[Finding, ...]
    advisory: tuple[Finding, ...]


def check_html(
    result: CheckResult,
    *,
    case_name: str = "",
    patient: str = "",
    paper: Paper = Paper.A4,
    is_static: bool = False,
) -> str:
    """The whole report as one HTML page without any request to elsewhere.

    Parameters
    ----------
    case_name, patient : shown where they are given
    paper : size of the page when it is printed
    is_static : without controls and what they would show, for a page that nobody can click on

    Raises
    ------
    DosecalcError : if jinja2, contourpy or pillow is not installed.

    Examples
    --------
    >>> from dosecalc.findings import Outcome
    >>> protocol = dict.fromkeys(("name", "title", "source", "file", "sha256"), "<b>")
    >>> provenance = {"dosecalc": "0", "as_of": None, "protocol": protocol}
    >>> provenance |= {"alpha_beta": [], "inputs": [], "plans": [], "settings": {}}
    >>> page = check_html(CheckResult(outcome=Outcome.NOT_EVALUATED, provenance=provenance))
    >>> "<b>" in page, "&lt;b&gt;" in page
    (False, True)
    """
    drawings = result.draw()
    structures = drawn_structures(result, drawings.figures)
    return _rendered(
        result=result,
        summary=summary_of(result),
        words=OUTCOME_WORDS[result.outcome],
        notice=NOTICE,
        case_name=case_name,
        patient=patient,
        paper=paper,
        is_static=is_static,
        structures=structures,
        figures=[drawn_figure(f, structures) for f in drawings.figures],
        hot_spots=[(spot, [section_svg(spot, s) for s in spot.sections]) for spot in drawings.hot_spots],
        timeline=timeline_svg(drawings.entries, result.stop_points) if drawings.entries else "",
        timeline_words=timeline_words(drawings.entries, result.stop_points),
        shown_rows=shown_rows,
        share=share_of,
        percents=dvh_picture.PERCENT_HEADINGS,
        passed=[f for f in result.findings if f.outcome is Outcome.PASS],
        used=[i for i in _listed(result.provenance["inputs"]) if i["used"]],
        unused=[i for i in _listed(result.provenance["inputs"]) if not i["used"]],
    )


def summary_of(result: CheckResult) -> Summary:
    """What a reader must see first."""
    warnings = tuple(a for a in result.assumptions if a.startswith("WARNING"))
    by_gravity = sorted(result.findings, key=lambda f: GRAVEST_FIRST.index(f.outcome))
    not_met = [f for f in by_gravity if f.outcome not in {Outcome.PASS, Outcome.NOT_DUE}]
    return Summary(
        passed=_passed(result),
        not_judged=tuple(_not_judged(f for f in result.findings if f.outcome is Outcome.NOT_EVALUATED)),
        not_due=result.not_due,
        due=tuple(_due(result.not_due)),
        uncertain=tuple(
            " ".join(filter(None, (named(f.rule), named(f.structure or f.plan))))
            for f in result.findings
            if f.outcome is Outcome.UNCERTAIN and f.level is Level.REQUIRED
        ),
        warnings=warnings,
        assumed=tuple(a for a in result.assumptions if a not in warnings),
        not_met=tuple(f for f in not_met if f.level is Level.REQUIRED),
        advisory=tuple(f for f in not_met if f.level is Level.ADVISORY),
    )


def _not_judged(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    """What could not be judged for one reason, and the reason: nobody reads one ten times."""
    rules: dict[str, dict[str, list[str]]] = {}
    for f in findings:
        rule = named(f.rule) + (" (advisory)" if f.level is Level.ADVISORY else "")
        rules.setdefault(f.message, {}).setdefault(rule, []).append(named(f.structure or f.plan))
    for message, about in rules.items():
        yield (
            "; ".join(f"{rule} {', '.join(filter(None, of))}".rstrip() for rule, of in about.items()),
            message,
        )


def _due(findings: Iterable[Finding]) -> Iterator[str]:
    """Rules that are judged later, each with the days on which they fall due."""
    days: dict[str, list[str]] = {}
    for f in findings:
        about = " ".join(filter(None, (named(f.rule), named(f.structure or f.plan))))
        days.setdefault(about, []).append(f"{f.due}" if f.due else "on a day that is not known")
    for about, due in days.items():
        yield f"{about} ({', '.join(dict.fromkeys(due))})"


def _passed(result: CheckResult) -> str:
    """Whether every required rule passed, in words."""
    counts = Counter(f.outcome for f in result.findings if f.level is Level.REQUIRED)
    listed = ", ".join(f"{counts[o]} {o.value}" for o in GRAVEST_FIRST if counts[o])
    if not listed:
        return "No required rule was judged."
    if set(counts) == {Outcome.PASS}:
        return f"Yes: {listed}."
    if set(counts) == {Outcome.NOT_DUE}:
        return f"Nothing was judged yet: {listed}."
    if set(counts) == {Outcome.PASS, Outcome.NOT_DUE}:
        return f"All that are due: {listed}."
    return f"No: {listed}."


def share_of(structure: StructureDoses, course: str) -> str:
    """How much of the mean, and of the hottest 0.03 cm3, of the sum came from a course."""
    found = next((s for s in structure.shares if s.course == course), None)
    return "" if found is None else f"{found.mean_percent:.0f} / {found.near_max_percent:.0f}"


def _listed(inputs: object) -> Sequence[Mapping[str, Any]]:
    assert isinstance(inputs, Sequence)
    return inputs


def _rendered(**view: object) -> str:
    """The page of all that it shows."""
    return str(_template().render(view))


@functools.cache
def _template() -> Any:
    """The page's template; whatever is no markup of its own is escaped."""
    import jinja2  # noqa: PLC0415 - an extra, which the core does without

    def finalize(value: object) -> object:
        """Nothing that a file smuggled into a text gets as far as the page."""
        return told(value) if isinstance(value, str) and not hasattr(value, "__html__") else value

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dosecalc"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"name": named, "gy": _dose, "digits": digits, "outcome": _outcome_key})
    environment.globals.update(
        {name: getattr(dvh_picture, name) for name in ("WIDTH", "HEIGHT", "LEFT", "RIGHT", "TOP", "BOTTOM")}
    )
    return environment.get_template("report.html")


def _dose(interval: Interval | None) -> str:
    return gy(interval).replace(">=", "\u2265")


def _outcome_key(outcome: Outcome) -> str:
    """The outcome as a class of the style sheet."""
    return outcome.value.lower().replace(" ", "-")
