"""The picture of dose-volume curves: what is drawn is read back and held against the curves themselves."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from factories import make_box, make_dose

from dosecalc import Bed, Curve, Eqd2, dvh, plot_dvh
from dosecalc.errors import MetricError, QuantityError

matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")

RAMP = Curve.from_cells([5.0, 15.0, 25.0], [2.0, 1.0, 1.0], span_gy=[4.0, 6.0, 8.0])
HALF = Curve.from_cells([10.0, 20.0, float("nan")], [3.0, 3.0, 2.0], span_gy=[4.0, 4.0, 0.0])
FLOORED = Curve.from_cells([10.0, float("nan")], [1.0, 1.0], at_least_gy=[10.0, 4.0])


@pytest.fixture(autouse=True)
def pyplot() -> Iterator[Any]:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def drawn(line: Any, gy: float) -> float:
    """The height of a drawn line at a dose that is no step of it."""
    x, y = (np.asarray(v, dtype=float) for v in line.get_data())
    assert np.all(np.diff(x) >= 0)
    after = int(np.searchsorted(x, gy))
    if after == x.size:
        return float(y[-1])
    share = (gy - x[after - 1]) / (x[after] - x[after - 1])
    return float(y[after - 1] + share * (y[after] - y[after - 1]))


def legend(ax: Any) -> list[str]:
    return [t.get_text() for t in ax.get_legend().get_texts()] if ax.get_legend() else []


def band(ax: Any, gy: float) -> tuple[float, float]:
    """Ends of the only filled area at a dose, by its outline."""
    (area,) = ax.collections
    corners = area.get_paths()[0].vertices
    crossed = []
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        if min(x0, x1) <= gy < max(x0, x1):
            crossed.append(y0 + (y1 - y0) * (gy - x0) / (x1 - x0))
    return min(crossed), max(crossed)


@pytest.mark.parametrize("gy", [0.5, 3.2, 5.0, 6.9, 12.1, 20.3, 28.7, 28.9])
def test_lines_are_the_curve(gy: float) -> None:
    (line,) = plot_dvh(RAMP).get_lines()
    assert drawn(line, gy) == pytest.approx(RAMP.percent_at_dose(gy), abs=1e-9)
    (line,) = plot_dvh(RAMP, relative=False).get_lines()
    assert drawn(line, gy) == pytest.approx(RAMP.volume_at_dose(gy), abs=1e-9)


def test_a_uniform_dose_falls_in_one_step() -> None:
    (line,) = plot_dvh(Curve.from_cells([9.0], [1.0])).get_lines()
    assert (drawn(line, 8.999), drawn(line, 9.001)) == (100.0, 0.0)


@pytest.mark.parametrize("gy", [4.0, 9.0, 12.5, 20.0, 21.0, 23.0])
def test_a_lower_bound_is_drawn_as_one(gy: float) -> None:
    ax = plot_dvh({"cord": HALF, "lesion": RAMP})
    bound, whole = ax.get_lines()
    at_least = HALF.bounds(lambda c: c.volume_at_dose(gy))
    assert drawn(bound, gy) == pytest.approx(100 * at_least.low / 8)
    assert band(ax, gy) == pytest.approx((100 * at_least.low / 8, 100 * at_least.high / 8))
    assert legend(ax) == ["cord: at least, dose of 25.0 % not known", "lesion"]
    assert bound.is_dashed()
    assert not whole.is_dashed()
    assert max(ax.collections[0].get_paths()[0].vertices[:, 0]) == ax.get_xlim()[1] > 25


@pytest.mark.parametrize("gy", [1.0, 3.9, 4.1, 9.9, 10.3])
def test_what_all_of_a_structure_has_at_least_is_drawn(gy: float) -> None:
    ax = plot_dvh(FLOORED, relative=False)
    at_least = FLOORED.bounds(lambda c: c.volume_at_dose(gy))
    (line,) = ax.get_lines()
    assert drawn(line, gy) == pytest.approx(at_least.low)
    assert legend(ax) == ["at least, dose of 50.0 % not known"]


def test_numerical_doubt() -> None:
    curve = dvh(make_dose(field=lambda x, y, z: 30 + 0.5 * x), make_box())
    assert not plot_dvh(curve).collections
    ax = plot_dvh(curve, numerical=True)
    (line,) = ax.get_lines()
    gy = float(np.linspace(0.0, curve.max_gy, 200)[190])
    low, high = band(ax, gy)
    doubt = curve.numerical(lambda c: c.percent_at_dose(gy))
    assert (low, high) == pytest.approx((doubt.low, doubt.high))
    assert low <= drawn(line, gy) <= high


def test_labels() -> None:
    ax = plot_dvh(Curve.from_cells([9.0], [1.0], Eqd2(alpha_beta_gy=3.0)), relative=False)
    assert (ax.get_xlabel(), ax.get_ylabel(), legend(ax)) == ("EQD2(3) [Gy]", "volume [cm3]", [])
    assert plot_dvh(RAMP).get_ylabel() == "volume [%]"


def test_unlike_quantities_are_refused(pyplot: Any) -> None:
    bed = Curve.from_cells([9.0], [1.0], Bed(alpha_beta_gy=3.0))
    with pytest.raises(QuantityError, match=r"found physical dose \(a\), BED\(3\) \(b\)"):
        plot_dvh({"a": RAMP, "b": bed})
    ax = plot_dvh(RAMP)
    with pytest.raises(QuantityError, match=r"expected axes of BED\(3\) \[Gy\], found physical dose \[Gy\]"):
        plot_dvh(bed, ax=ax)
    with pytest.raises(QuantityError, match=r"expected axes of volume \[cm3\], found volume \[%\]"):
        plot_dvh(RAMP, ax=ax, relative=False)


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(MetricError, match="expected a curve, found none"):
        plot_dvh({})
    with pytest.raises(MetricError, match="cord: no dose is known"):
        plot_dvh({"cord": Curve.from_cells([float("nan")], [1.0])})


def test_draws_into_axes_that_are_given_and_shows_nothing(
    pyplot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(*_: object, **__: object) -> None:
        raise AssertionError("shown")

    monkeypatch.setattr(pyplot, "show", shown)
    _, axes = pyplot.subplots(1, 2)
    assert plot_dvh(RAMP, ax=axes[1]) is axes[1]
    assert len(pyplot.get_fignums()) == 1
    end = plot_dvh({"b": HALF}, ax=axes[1]).get_xlim()[1]
    assert not axes[0].has_data()
    assert end > 29
    colours = [line.get_color() for line in axes[1].get_lines()]
    assert len(set(colours)) == 2


def luminances(colours: list[str]) -> list[float]:
    from matplotlib.colors import to_rgb

    return [float(np.dot((0.2126, 0.7152, 0.0722), to_rgb(c))) for c in colours]


def test_many_curves_differ_by_line_style_too() -> None:
    lines = plot_dvh({f"s{n}": RAMP for n in range(35)}).get_lines()
    assert len({(line.get_color(), str(line._dash_pattern)) for line in lines}) == 35
    assert len({str(line._dash_pattern) for line in lines[:5]}) == 5
    assert max(luminances([line.get_color() for line in lines])) < 0.75  # seen on white


@pytest.mark.parametrize(
    "name", ["_hidden", "$x^2", "$a$ and $b$", "<b>", "a\nb", "x" * 10_000, "\u202eabc", "100 %"]
)
def test_odd_names_are_in_the_legend_and_can_be_drawn(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = plot_dvh({name: RAMP, "other": RAMP})
        ax.figure.savefig(io.BytesIO(), dpi=30)
    found, _ = ax.get_legend().get_texts()
    assert len(found.get_text()) <= 43
    text, is_math = found._preprocess_math(found.get_text())
    assert not is_math
    assert text.strip()[:5] == " ".join(name.replace("\u202e", "").split())[:5]
