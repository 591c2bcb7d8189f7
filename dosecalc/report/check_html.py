"""The result of a check as one HTML page that needs nothing else: for the screen, and for paper."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dosecalc.findings import Finding, Outcome
from dosecalc.intervals import Interval
from dosecalc.report import dvh_picture
from dosecalc.report.check_text import GRAVEST_FIRST, NOTICE, WORDS, shown_rows
from dosecalc.report.dvh_picture import drawn_figure, drawn_structures
from dosecalc.report.section_picture import section_svg
from dosecalc.report.tables import clean, gy
from dosecalc.results import CheckResult, StructureDoses
from dosecalc.rules import Level

if TYPE_CHECKING:
    import jinja2

_LONGEST_NAME = 60
_LONGEST_WORD = 80
_LONGEST_TEXT = 3000
"""Characters: what is longer is cut, and says so; all of it is in the JSON."""


class Paper(enum.StrEnum):
    """The size of a printed page."""

    A4 = "A4"
    LETTER = "letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What stands first: whether every required rule passed, what was not judged, and what was assumed."""

    passed: str
    not_judged: tuple[Finding, ...]
    not_due: tuple[Finding, ...]
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
    >>> empty = CheckResult(outcome=Outcome.NOT_EVALUATED, provenance={
    ...     "dosecalc": "0", "protocol": {"name": "<b>"}, "inputs": [], "plans": [], "settings": {}})
    >>> page = check_html(empty)
    >>> "<b>" in page, "&lt;b&gt;" in page
    (False, True)
    """
    drawings = result.draw()
    structures = drawn_structures(result, drawings.figures)
    return (
        _environment()
        .get_template("report.html")
        .render(
            result=result,
            summary=summary_of(result),
            words=WORDS[result.outcome],
            notice=NOTICE,
            case_name=case_name,
            patient=patient,
            paper=paper,
            is_static=is_static,
            structures=structures,
            numbers={s.name: s.number for s in structures},
            figures=[drawn_figure(f, structures) for f in drawings.figures],
            hot_spots=[(spot, [section_svg(spot, s) for s in spot.sections]) for spot in drawings.hot_spots],
            entries=drawings.entries,
            shown_rows=shown_rows,
            share=share_of,
            percents=dvh_picture.PERCENT_HEADINGS,
            passed=[f for f in result.findings if f.outcome is Outcome.PASS],
            used=[i for i in _listed(result.provenance["inputs"]) if i["used"]],
            unused=[i for i in _listed(result.provenance["inputs"]) if not i["used"]],
        )
    )


def summary_of(result: CheckResult) -> Summary:
    """What a reader must see first."""
    warnings = tuple(a for a in result.assumptions if a.startswith("WARNING"))
    by_gravity = sorted(result.findings, key=lambda f: GRAVEST_FIRST.index(f.outcome))
    not_met = [f for f in by_gravity if f.outcome not in {Outcome.PASS, Outcome.NOT_DUE}]
    return Summary(
        passed=_passed(result),
        not_judged=tuple(f for f in result.findings if f.outcome is Outcome.NOT_EVALUATED),
        not_due=result.not_due,
        warnings=warnings,
        assumed=tuple(a for a in result.assumptions if a not in warnings),
        not_met=tuple(f for f in not_met if f.level is Level.REQUIRED),
        advisory=tuple(f for f in not_met if f.level is Level.ADVISORY),
    )


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


def shortened(text: str, longest: int = _LONGEST_NAME) -> str:
    """A name from a file on one line, and no longer than can be read.

    >>> shortened("x" * 100)
    'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... (100 characters)'
    """
    found = clean(text)
    return found if len(found) <= longest else f"{found[:longest].rstrip()}... ({len(found):,} characters)"


def legible(text: str) -> str:
    """A message on one line: words too long for any line are cut, and so is what nobody would read."""
    words = re.sub(rf"\S{{{_LONGEST_WORD + 1},}}", lambda m: shortened(m[0], _LONGEST_WORD), clean(text))
    return shortened(words, _LONGEST_TEXT)


def _listed(inputs: object) -> Sequence[Mapping[str, Any]]:
    assert isinstance(inputs, Sequence)
    return inputs


def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - an extra, which the core does without
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    def finalize(value: object) -> object:
        """Nothing that a file smuggled into a text gets as far as the page."""
        return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    found = jinja2.Environment(
        loader=jinja2.PackageLoader("dosecalc"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update({"name": shortened, "gy": _dose, "outcome": _outcome_key})
    found.globals.update(
        {name: getattr(dvh_picture, name) for name in ("WIDTH", "HEIGHT", "LEFT", "RIGHT", "TOP", "BOTTOM")}
    )
    return found


def _dose(interval: Interval | None) -> str:
    return gy(interval).replace(">=", "\u2265")


def _outcome_key(outcome: Outcome) -> str:
    """The outcome as a class of the style sheet."""
    return outcome.value.lower().replace(" ", "-")
