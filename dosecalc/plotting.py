"""Dose-volume curves as a picture, with matplotlib."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dosecalc.curves import Curve, Floats
from dosecalc.errors import MetricError, QuantityError
from dosecalc.legible import shortened
from dosecalc.notebook import extra
from dosecalc.quantities import describe

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#E69F00")
"""Told apart by colour-blind readers (Okabe and Ito 2008), without the pale yellow."""
_WHOLE: tuple[Any, ...] = ("-", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_BOUND: tuple[Any, ...] = ((0, (6, 2)), (0, (3, 2)), (0, (10, 3)), (0, (6, 2, 3, 2)), (0, (8, 2, 1, 2)))
"""Line styles of curves that are known and of lower bounds (dashed); five go with seven colours 35 ways."""
_LONGEST_NAME = 40
_BEYOND = 1.08
"""How far the axis goes on beyond the highest dose, so that a band that is open above is seen to be."""
_BAND_POINTS = 200
_BAND_ALPHA = 0.18


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """A curve with its name and how it is drawn."""

    name: str
    curve: Curve
    colour: str
    style: Any
    scale: float

    @property
    def label(self) -> str:
        """The name, fit for a legend: not hidden by a leading underscore, no formula between dollar signs."""
        name = shortened(self.name, most=_LONGEST_NAME).replace("$", r"\$")
        name = f" {name}" if name.startswith("_") else name
        if not self.curve.uncovered_cm3:
            return name
        # Neither rounded to nothing, nor to all of it.
        percent = min(max(100 * self.curve.uncovered_cm3 / self.curve.volume_cm3, 0.1), 99.9)
        return f"{name}{': ' if name else ''}at least, dose of {percent:.1f} % not known"


def plot_dvh(
    curves: Curve | Mapping[str, Curve],
    *,
    ax: Any = None,
    relative: bool = True,
    numerical: bool = False,
) -> Any:
    """Draw cumulative dose-volume curves and return the matplotlib axes; nothing is shown or saved.

    A curve of a structure that is covered in part is a lower bound: dashed, with a band up to what the
    volume without known dose leaves open, and named so in the legend.

    Parameters
    ----------
    curves : one curve, or several of one quantity by the names for the legend
    ax : axes to draw into; by default those of a new figure
    relative : volume in percent of the structure's, else in cm3
    numerical : whether to fill the range of the numerical doubt (``Curve.numerical``) of curves that are
        covered

    Raises
    ------
    QuantityError : for curves of unlike quantities, which no axis holds.
    MetricError : where there is nothing to draw.
    DosecalcError : if matplotlib is not installed.

    Examples
    --------
    >>> from dosecalc.quantities import Eqd2
    >>> curves = {"dose": Curve.from_cells([50.0], [1.0]),
    ...           "effect": Curve.from_cells([60.0], [1.0], Eqd2(alpha_beta_gy=3.0))}
    >>> plot_dvh(curves)
    Traceback (most recent call last):
    dosecalc.errors.QuantityError: plot_dvh: expected curves of one quantity, found physical dose (dose),
    EQD2(3) (effect)
    """
    named = {"": curves} if isinstance(curves, Curve) else dict(curves)
    dose_label = f"{_quantity(named)} [Gy]"
    volume_label = "volume [%]" if relative else "volume [cm3]"
    place: dict[str, Any] = {}
    if ax is None:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}  # beside the curves, not on them
        ax = extra("matplotlib.pyplot").subplots(layout="constrained")[1]
    _require_alike(ax, dose_label, volume_label)
    drawn = list(_styled(named, relative=relative, after=len(ax.get_lines())))
    end_gy = max(float(each.curve.dose_gy[-1]) for each in drawn) * _BEYOND or 1.0
    if ax.has_data():
        end_gy = max(end_gy, ax.get_xlim()[1])
    for each in drawn:
        _draw(ax, each, end_gy)
        if numerical and not each.curve.uncovered_cm3:
            _draw_doubt(ax, each, relative=relative)
    ax.set(xlabel=dose_label, ylabel=volume_label, xlim=(0, end_gy))
    ax.set_ylim(bottom=0)
    if any(each.label for each in drawn):
        ax.legend(fontsize="small", handlelength=4, **place)
    return ax


def _require_alike(ax: Any, *labels: str) -> None:
    """Refuse axes on which other things are drawn already."""
    for found, expected in zip((ax.get_xlabel(), ax.get_ylabel()), labels, strict=True):
        if ax.has_data() and found not in {"", expected}:
            raise QuantityError(f"plot_dvh: expected axes of {expected}, found {found}")


def _quantity(named: Mapping[str, Curve]) -> str:
    """What all of the curves are of, in words."""
    if not named:
        raise MetricError("plot_dvh: expected a curve, found none")
    quantities = {curve.quantity: name for name, curve in named.items()}
    if len(quantities) > 1:
        found = ", ".join(f"{describe(q)} ({shortened(n, most=40)})" for q, n in quantities.items())
        raise QuantityError(f"plot_dvh: expected curves of one quantity, found {found}")
    (quantity,) = quantities
    for name, curve in named.items():
        if curve.covered_cm3 <= 0:
            raise MetricError(f"plot_dvh: {shortened(name, most=40) or 'the curve'}: no dose is known")
    return describe(quantity)


def _styled(named: Mapping[str, Curve], *, relative: bool, after: int) -> Iterator[_Drawn]:
    """Curves in the next colours and line styles after so many that are drawn already."""
    colours, whole, bound = (
        itertools.islice(itertools.cycle(each), after, None) for each in (_COLOURS, _WHOLE, _BOUND)
    )
    for (name, curve), colour in zip(named.items(), colours, strict=False):
        style = next(bound if curve.uncovered_cm3 else whole)
        scale = 100 / curve.volume_cm3 if relative else 1.0
        yield _Drawn(name=name, curve=curve, colour=colour, style=style, scale=scale)


def _draw(ax: Any, drawn: _Drawn, end_gy: float) -> None:
    """The curve from 0 Gy on; where it is a lower bound, with all that it leaves open up to the end."""
    curve, scale = drawn.curve, drawn.scale
    known = curve if curve.floor is None else curve.floor
    gy, volume = _points(known)
    ax.plot(gy, volume * scale, color=drawn.colour, linestyle=drawn.style, label=drawn.label or None)
    if curve.uncovered_cm3:
        open_gy, low = _points(curve)
        open_gy, low = np.append(open_gy, end_gy), np.append(low, 0.0)
        high = (low + curve.uncovered_cm3) * scale
        lowest = low if curve.floor is None else np.array([curve.floor.volume_at_dose(g) for g in open_gy])
        ax.fill_between(open_gy, lowest * scale, high, color=drawn.colour, alpha=_BAND_ALPHA, linewidth=0)


def _points(curve: Curve) -> tuple[Floats, Floats]:
    """Doses and volumes of a curve; all of its volume has 0 Gy, and none more than its maximum."""
    gy = np.concatenate([[0.0], curve.dose_gy, curve.dose_gy[-1:]])
    volume = np.concatenate([[curve.covered_cm3], curve.volume_above_cm3, [0.0]])
    return gy, volume


def _draw_doubt(ax: Any, drawn: _Drawn, *, relative: bool) -> None:
    """The range of the numerical doubt; in percent it is one of shares, each of its own volume."""
    curve = drawn.curve
    measure = Curve.percent_at_dose if relative else Curve.volume_at_dose
    gy = np.linspace(0.0, float(curve.dose_gy[-1]), _BAND_POINTS)
    ends = [curve.numerical(functools.partial(measure, gy=g)) for g in gy.tolist()]
    low, high = ([e.low for e in ends], [e.high for e in ends])
    ax.fill_between(gy, low, high, color=drawn.colour, alpha=_BAND_ALPHA, linewidth=0)
