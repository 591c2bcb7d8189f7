"""Reports as files: by the ending of their names, whole or not at all, named only when asked."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cases import judged
from report_pages import SCRIPT, failing, hostile, in_part

import dosecalc
from dosecalc import DosecalcError, cli
from dosecalc.errors import InputError
from dosecalc.report.check_html import check_html

pytest.importorskip("jinja2")
pytest.importorskip("contourpy")
CASE = Path(__file__).resolve().parent.parent / "sample_plans" / "redefine_carotid_violation"


def has_pdf() -> bool:
    if importlib.util.find_spec("weasyprint") is None:
        return False
    try:
        import weasyprint  # noqa: F401
    except OSError:
        return False
    return True


needs_pdf = pytest.mark.skipif(
    not has_pdf(), reason="weasyprint, or the libraries of Pango, are not installed"
)
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="poppler-utils are not installed"
)


@pytest.mark.parametrize("name", ["report.html", "report.HTM"])
def test_a_page_as_a_file(tmp_path: Path, name: str) -> None:
    dosecalc.write_report(failing(), tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8") == check_html(failing())


@pytest.mark.parametrize(("name", "found"), [("report.txt", ".txt"), ("report", "none")])
def test_another_ending_is_refused_by_name(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(
        InputError, match=rf"{name}: expected a report that ends in .html or .pdf, found {found}"
    ):
        dosecalc.write_report(failing(), tmp_path / name)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        dosecalc.write_report(failing(), tmp_path / "nowhere" / "report.html")


def text_of(path: Path) -> list[str]:
    """The text of each page of a PDF, read by another program."""
    done = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, encoding="utf-8", check=True
    )
    return done.stdout.split("\f")[:-1]


@pytest.fixture(scope="module")
def named_pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    dosecalc.write_report(failing(), path, patient="Secret^Name (SECRET-ID)", case_name="folder")
    return path


@pytest.fixture(scope="module")
def hostile_pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "report.pdf"
    dosecalc.write_report(hostile(), path, paper="letter")
    return path


def beyond_margins(path: Path) -> Iterator[str]:
    """Words that end, or begin, beyond the margins of 13 mm, by another program."""
    told = subprocess.run(
        ["pdftotext", "-bbox", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    margin, width = 13 / 25.4 * 72 - 0.5, 0.0
    for found in re.finditer(r'<page width="([\d.]+)"|<word xMin="(\S+)" .*?xMax="(\S+)".*?>(.*?)<', told):
        if found[1]:
            width = float(found[1])
        elif float(found[2]) < margin or float(found[3]) > width - margin:
            yield found[4]


@needs_pdf
@needs_poppler
class TestPdf:
    def test_every_page_has_its_number_and_whose_it_is(self, named_pdf: Path) -> None:
        pages = text_of(named_pdf)
        assert len(pages) >= 4
        for number, page in enumerate(pages, 1):
            assert f"page {number} of {len(pages)}" in page
            assert "independent check, not a medical device" in page
            assert "Secret^Name (SECRET-ID)" in page

    def test_no_word_is_cut_off_at_the_edge(self, named_pdf: Path, tmp_path: Path) -> None:
        """Where values are ranges the table is at its widest: a number without its end is another number."""
        dosecalc.write_report(in_part(), tmp_path / "wide.pdf", paper="letter")
        for path in (named_pdf, tmp_path / "wide.pdf"):
            assert list(beyond_margins(path)) == []

    def test_the_first_page_is_the_summary(self, named_pdf: Path) -> None:
        first = text_of(named_pdf)[0]
        for words in ("FAIL", "Did every required rule pass?", "What did it assume?", "R15 A_Carotid_L"):
            assert words in first

    @pytest.mark.parametrize("name", ["missing_mucosa", "prior_inverted"])
    def test_the_place_to_sign_is_on_the_first_page_and_the_second_is_used(
        self, name: str, tmp_path: Path
    ) -> None:
        """However much is not judged; what does not fit goes on with the sections that follow."""
        result = judged(dosecalc.read_case(CASE.parent / f"redefine_{name}"), cells=100)
        dosecalc.write_report(result, tmp_path / "report.pdf")
        first, second, *_ = text_of(tmp_path / "report.pdf")
        assert "checked by" in first
        assert len(second.split()) > 200

    def test_rows_of_the_table_are_there(self, named_pdf: Path) -> None:
        row = next(s for s in failing().structures if s.name == "SpinalCord").total
        assert row is not None
        assert row.physical is not None
        assert f"{row.physical.mean_gy.value:.2f}" in "".join(text_of(named_pdf))

    def test_nobody_is_named_unless_asked(self, hostile_pdf: Path) -> None:
        assert "SECRET" not in "".join(text_of(hostile_pdf)).upper()
        assert b"SECRET" not in hostile_pdf.read_bytes().upper()

    def test_hostile_names(self, hostile_pdf: Path) -> None:
        text = "".join(text_of(hostile_pdf))
        assert SCRIPT[:8] in text
        assert "10,000 characters" in re.sub(r"\s+", " ", text)

    def test_the_paper(self, named_pdf: Path, hostile_pdf: Path) -> None:
        for path, points in ((named_pdf, r"595\.\d+ x 841\.\d+"), (hostile_pdf, "612 x 792")):
            told = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
            assert re.search(rf"Page size: +{points}", told), told


class TestCommand:
    def test_the_exit_code_is_that_of_the_check(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = tmp_path / "report.html"
        assert cli.main(["check", str(CASE), "--report", str(path)]) == cli.EXIT_FAIL
        page = path.read_text(encoding="utf-8")
        assert "at least one required rule FAILS" in page
        assert "OUTCOME: FAIL" in capsys.readouterr().out
        assert CASE.name not in page  # the folder's name may be the patient's

    def test_only_with_identify_does_it_say_whose_it_is(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "report.html"
        monkeypatch.setattr(cli, "check", lambda *_, **__: failing())  # whose it is hangs on the case alone
        cli.main(["check", str(CASE), "--report", str(path), "--identify"])
        assert f"case: {CASE.name}" in path.read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--report", "report.doc"], "ends in .html or .pdf"),
            (["--report", "nowhere/report.html"], "expected a file in a folder that exists"),
            (["--report", "same.html", "--json", "same.html"], "expected a file for each"),
        ],
    )
    def test_what_cannot_be_written_is_refused_before_the_work(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        options: list[str],
        said: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(cli, "read_case", lambda *_, **__: pytest.fail("the work was begun"))
        assert cli.main(["check", str(CASE), *options]) == cli.EXIT_UNUSABLE
        assert said in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []


def test_without_pango_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """weasyprint is there and its libraries are not: importing it fails with OSError."""
    import builtins

    ordinary = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return ordinary(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("dosecalc.report.check_report.require_report", lambda _: None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DosecalcError, match=r"expected the libraries of Pango.*apt-get install"):
        dosecalc.write_report(failing(), tmp_path / "report.pdf")
