"""The report in a real browser, headless: no request, no error, its switches work, and it prints."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import LEFT
from report_pages import failing, hostile, in_part

from dosecalc.report.check_html import check_html

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or ""
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
    pytest.mark.xdist_group("browser"),
]

Tab = Any  # playwright.sync_api.Page, which is not here where it is not installed


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    for name, result in (("failing", failing()), ("hostile", hostile()), ("in_part", in_part())):
        (folder / f"{name}.html").write_text(check_html(result), encoding="utf-8")
    return folder


class Opened:
    """A page that is open, with all that it asked for and all that it complained of."""

    def __init__(self, browser: Any, path: Path) -> None:
        self.tab: Tab = browser.new_page(viewport={"width": 1280, "height": 900})
        self.asked: list[str] = []
        self.said: list[str] = []
        self.tab.on("request", lambda r: self.asked.append(r.url))
        self.tab.on("console", lambda m: self.said.append(m.text))
        self.tab.on("pageerror", lambda e: self.said.append(str(e)))
        self.tab.on("dialog", lambda d: self.said.append(f"dialog: {d.message}"))
        self.tab.goto(path.as_uri())


@pytest.fixture
def opened(browser: Any, files: Path) -> Iterator[Opened]:
    found = Opened(browser, files / "failing.html")
    yield found
    found.tab.close()


@pytest.mark.parametrize("name", ["failing", "hostile"])
def test_it_asks_for_nothing_and_complains_of_nothing(browser: Any, files: Path, name: str) -> None:
    found = Opened(browser, files / f"{name}.html")
    found.tab.wait_for_timeout(100)
    assert [u for u in found.asked if not u.startswith("data:")] == [(files / f"{name}.html").as_uri()]
    assert found.said == []
    assert found.tab.title().startswith("FAIL")
    wide = found.tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "the page has to be moved sideways"
    found.tab.close()


def test_both_questions_are_answered_on_the_first_screen(opened: Opened) -> None:
    for words in ("Did every required rule pass?", "What was not judged?", "What did it assume?"):
        box = opened.tab.get_by_text(words).bounding_box()
        assert box["y"] + box["height"] < 900, words
    assumed = opened.tab.locator("#assumed").bounding_box()
    assert assumed["y"] + assumed["height"] < 900


def checkbox(tab: Tab, name: str) -> Any:
    return tab.get_by_role("checkbox", name=name)


def lines_shown(tab: Tab) -> set[tuple[str, str]]:
    found = tab.eval_on_selector_all(
        "svg.dvh g.line",
        "all => all.filter(g => g.getBoundingClientRect().width > 0)"
        ".map(g => [g.closest('svg').dataset.key, g.dataset.name])",
    )
    return {(key, name) for key, name in found}


class TestSwitches:
    def test_a_structure_is_switched_off_and_on(self, opened: Opened) -> None:
        tab = opened.tab
        before = lines_shown(tab)
        assert ("eqd2", LEFT) in before
        box = checkbox(tab, LEFT)
        box.uncheck()
        assert lines_shown(tab) == {(key, name) for key, name in before if name != LEFT}
        box.check()
        assert lines_shown(tab) == before

    def test_all_none_and_those_that_are_judged(self, opened: Opened) -> None:
        tab = opened.tab
        before = lines_shown(tab)
        tab.get_by_role("button", name="none").click()
        assert lines_shown(tab) == set()
        tab.get_by_role("button", name="all", exact=True).click()
        assert lines_shown(tab) > before
        tab.get_by_role("button", name="those that are judged").click()
        assert lines_shown(tab) == before

    def test_a_state_is_switched_off(self, opened: Opened) -> None:
        tab = opened.tab
        given = "svg.dvh g.line[data-stage=given]:not([display])"
        assert tab.locator(given).count() > 0
        checkbox(tab, "given so far").uncheck()
        assert tab.locator(given).count() == 0
        assert tab.locator("svg.dvh g.line[data-stage=projected]:not([display])").count() > 0

    def test_limits_go_with_their_structure(self, opened: Opened) -> None:
        tab = opened.tab
        marks = "svg[data-key=day-induction] g.limit:not([display])"
        assert tab.locator(marks).count() == 3
        checkbox(tab, LEFT).uncheck()
        assert tab.locator(marks).count() == 2


class TestReading:
    def test_arrow_keys_read_the_values(self, opened: Opened) -> None:
        """Against the line itself: what it has at that dose, to what half a pixel is."""
        tab = opened.tab
        figure = tab.locator("svg[data-key=day-induction]")
        figure.focus()
        most = float(figure.get_attribute("data-most"))
        drawn = next(f for f in failing().draw().figures if f.key == "day-induction")
        left = next(li for li in drawn.lines if li.structure == LEFT)
        steps = round(float(np.interp(-10, -left.percent, left.dose_gy)) / most * 200)
        for _ in range(steps // 10):
            figure.press("Shift+ArrowRight")
        for _ in range(steps % 10):
            figure.press("ArrowRight")
        gy = steps * most / 200
        text = tab.locator("#read-day-induction").inner_text()
        assert text.startswith(f"At least {gy:.2f} Gy: ")
        checked = 0
        for line in drawn.lines:
            begins = f" {line.structure} ({line.quantity}, {line.stage}): "
            if begins not in text:
                continue
            said = float(text.split(begins)[1].split(" %")[0].split(" (")[0])
            half_pixel = most / (846 - 52) / 2
            low, high = np.interp([gy + half_pixel, gy - half_pixel], line.dose_gy, line.percent, right=0.0)
            assert low - 0.1 <= said <= high + 0.1
            checked += 1
        assert checked == 3

    def test_what_is_not_known_is_read_as_a_range_and_not_as_0(self, browser: Any, files: Path) -> None:
        """At 1.9 Gy: 81 % of the left carotid has 2.0 Gy, of the rest nobody knows what the boost gives."""
        found = Opened(browser, files / "in_part.html")
        figure = found.tab.locator("svg[data-key=day-induction]")
        figure.focus()
        most = float(figure.get_attribute("data-most"))
        for _ in range(round(1.9 / most * 200)):
            figure.press("ArrowRight")
        text = found.tab.locator("#read-day-induction").inner_text()
        low, high = text.split(f" {LEFT} (")[1].split("): ")[1].split(" %")[0].split(" to ")
        assert float(low) == pytest.approx(100 * (32.5 - 26) / 8, abs=5)  # to half a cell
        assert float(high) == 100.0
        found.tab.close()

    def test_the_pointer_reads_the_values(self, opened: Opened) -> None:
        tab = opened.tab
        figure = tab.locator("svg[data-key=physical]")
        figure.scroll_into_view_if_needed()
        box = figure.bounding_box()
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        x = 860 / 2
        gy = (x - 52) / (846 - 52) * float(figure.get_attribute("data-most"))
        said = tab.locator("#read-physical strong").inner_text()
        assert float(said.split()[2]) == pytest.approx(gy, abs=0.2)

    def test_every_control_is_reached_with_the_keyboard(self, opened: Opened) -> None:
        tab = opened.tab
        wanted = tab.locator("a, button, input, summary, svg.dvh").count()
        reached = set()
        for _ in range(wanted + 2):
            tab.keyboard.press("Tab")
            reached.add(
                tab.evaluate(
                    "Array.from(document.querySelectorAll('a, button, input, summary, svg.dvh'))"
                    ".indexOf(document.activeElement)"
                )
            )
        assert reached >= set(range(wanted))


def column(tab: Tab, number: int) -> list[float | None]:
    """The values of a column in the row of the sum, structure by structure as they stand."""
    return tab.evaluate(  # type: ignore[no-any-return]
        "column => Array.from(document.querySelectorAll('table.sortable tbody')).map(body => {"
        "const cell = body.querySelector(`tr.total [data-column='${column}']`);"
        "return cell.dataset.value ? Number(cell.dataset.value) : null; })",
        number,
    )


def test_the_table_sorts_by_any_column(opened: Opened) -> None:
    tab = opened.tab
    rows = tab.locator("table.sortable tbody tr").count()
    head = tab.locator("table.sortable th button", has_text="EQD2 near max")
    head.click()
    falling = column(tab, 10)
    known = [v for v in falling if v is not None]
    assert len(known) > 3
    assert falling == sorted(known, reverse=True) + [None] * (len(falling) - len(known))
    head.click()
    assert column(tab, 10) == sorted(known) + [None] * (len(falling) - len(known))
    assert tab.locator("table.sortable tbody tr").count() == rows
    tab.locator("table.sortable th button", has_text="structure").click()
    names = tab.eval_on_selector_all("table.sortable tbody", "all => all.map(b => b.dataset.structure)")
    tab.locator("table.sortable th button", has_text="worst day").click()
    worst = tab.evaluate(_WORST)
    assert len(set(worst)) > 1
    assert worst == sorted(worst, reverse=True)
    assert names == sorted(names, key=str.lower)


def test_a_range_sorts_by_its_upper_end(opened: Opened, browser: Any, files: Path) -> None:
    """The least of all sums, were it a range up to more than any other, would stand first."""
    tab, head = opened.tab, opened.tab.locator("table.sortable th button", has_text="EQD2 near max")
    head.click()
    least = min(v for v in column(tab, 10) if v is not None)
    cell = f"tr.total [data-column='10'][data-value='{least}']"
    tab.evaluate("cell => document.querySelector(cell).dataset.most = 999", cell)
    head.click()
    head.click()
    assert column(tab, 10)[0] == least
    ranges = Opened(browser, files / "in_part.html").tab
    cells = ranges.eval_on_selector_all(
        "table.sortable [data-most]", "all => all.map(c => [c.dataset.value, c.dataset.most, c.textContent])"
    )
    assert cells
    for value, most, text in cells:
        assert float(value) <= float(most)
        assert text.endswith(f"{float(most):.2f}")


_WORST = """
() => Array.from(document.querySelectorAll("table.sortable tbody")).map((body) => Math.max(
  ...Array.from(body.querySelectorAll("[data-column='5'][data-value]")).map((c) => Number(c.dataset.value))))
"""
"""The worst day of each structure, as they stand: the most of all courses, as no sum has one."""
_CONTRAST = """
() => {
  const rgb = (text) => (text.match(/[0-9.]+/g) || []).map(Number);
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const channel = (v) => linear(v / 255);
  const unseen = ["SCRIPT", "STYLE", "TITLE", "DESC", "title", "desc"];
  const luminance = (c) => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, own = node.parentElement;
    if (!node.textContent.trim() || unseen.includes(own.tagName)) continue;
    if (own.getAttribute("stroke")) continue;  // what surrounds a text, so that it is legible over an image
    const inPicture = own instanceof SVGElement;
    const ink = rgb(inPicture ? getComputedStyle(own).fill : getComputedStyle(own).color);
    let paper = [255, 255, 255];
    for (let up = own; up; up = up.parentElement) {
      const back = rgb(getComputedStyle(up).backgroundColor);
      if (back.length >= 3 && !(back.length === 4 && back[3] === 0)) { paper = back; break; }
    }
    const [a, b] = [luminance(ink), luminance(paper)].sort((p, q) => q - p);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push([node.textContent.trim().slice(0, 40), ratio]);
  }
  return found;
}
"""


def test_all_text_stands_out_from_what_is_under_it(opened: Opened) -> None:
    """WCAG 2 AA: 4.5 to 1."""
    assert opened.tab.evaluate(_CONTRAST) == []


def test_it_prints(opened: Opened, tmp_path: Path) -> None:
    opened.tab.pdf(path=str(tmp_path / "printed.pdf"))
    content = (tmp_path / "printed.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") >= 4
    opened.tab.emulate_media(media="print")
    assert not opened.tab.locator("fieldset").first.is_visible()
    assert opened.tab.get_by_text("signature").is_visible()
