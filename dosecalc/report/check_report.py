"""The report of a check as a file: HTML or PDF, by the ending of its name."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from dosecalc.errors import DosecalcError, InputError
from dosecalc.report.check_html import Paper, check_html
from dosecalc.results import CheckResult

_HTML, _PDF = (".html", ".htm"), (".pdf",)


def write_report(
    result: CheckResult,
    path: Path | str,
    *,
    case_name: str = "",
    patient: str = "",
    paper: Paper | str = Paper.A4,
) -> None:
    """Write the report of a check as a file to read, to print and to sign.

    Parameters
    ----------
    path : a file that ends in .html or .pdf
    case_name, patient : shown on the report where they are given, in a PDF on every page
    paper : "A4" or "letter"

    Raises
    ------
    InputError : if the ending is another one, or the file cannot be written.
    DosecalcError : if a package that makes reports is not installed.

    Examples
    --------
    >>> import dosecalc, tempfile
    >>> case = dosecalc.read_case("sample_plans/redefine_compliant")
    >>> result = dosecalc.check(case, dosecalc.load_protocol("redefine"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dosecalc.write_report(result, f"{folder}/report.html")
    """
    content = report_bytes(result, Path(path), case_name=case_name, patient=patient, paper=Paper(paper))
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def require_report(path: Path) -> None:
    """Refuse, before the work and not after it, a report that cannot be made.

    Raises
    ------
    InputError : if the ending of its name is none of a report.
    DosecalcError : if a package that makes it is not installed.
    """
    ending = path.suffix.lower()
    if ending not in (*_HTML, *_PDF):
        found = path.suffix or "none"
        raise InputError(f"{path}: expected a report that ends in .html or .pdf, found {found}")
    extra = "pdf" if ending in _PDF else "report"
    for package in ("jinja2", "contourpy", "PIL", *(["weasyprint"] if extra == "pdf" else [])):
        if importlib.util.find_spec(package) is None:
            raise DosecalcError(
                f"{path}: expected the package {package}, found none; install what reports need with: "
                f"pip install 'dosecalc[{extra}]'"
            )


def report_bytes(
    result: CheckResult, path: Path, *, case_name: str = "", patient: str = "", paper: Paper = Paper.A4
) -> bytes:
    """What a report of that name holds; parameters and errors are those of :func:`write_report`."""
    require_report(path)
    is_pdf = path.suffix.lower() in _PDF
    page = check_html(result, case_name=case_name, patient=patient, paper=paper, is_static=is_pdf)
    return _pdf(page) if is_pdf else page.encode("utf-8", errors="backslashreplace")


def _pdf(page: str) -> bytes:
    """A page that needs nothing else as PDF; nothing that it might ask for is fetched."""
    try:
        import weasyprint  # noqa: PLC0415 - an extra, which the core does without
    except OSError:
        raise DosecalcError(
            "report: PDF: expected the libraries of Pango, found none; install them (on Debian: apt-get "
            "install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0), or write one that ends in .html"
        ) from None
    found = weasyprint.HTML(string=page, url_fetcher=_nothing_from_elsewhere).write_pdf()
    assert isinstance(found, bytes)
    return found


def _nothing_from_elsewhere(url: str, *_: object) -> dict[str, object]:
    if url.startswith("data:"):
        import weasyprint  # noqa: PLC0415 - an extra, which the core does without

        found: dict[str, object] = weasyprint.default_url_fetcher(url)
        return found
    raise ValueError("a report asks for nothing from elsewhere")
