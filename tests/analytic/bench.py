"""What dosecalc makes of the solids, and how far that is from the truth."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

import dosecalc
from analytic.doses import ALONG_Z, CURVED, LINEAR, PRESCRIBED_GY, DoseShape, planes_mm, structure_on
from analytic.outlines import Floats
from analytic.solids import AnalyticSolid
from analytic.truth import DOSE_METRICS, EXTREMES, NEAR_MAXIMUM_CM3, PERCENTS, Metrics, Truths
from dosecalc.errors import DosecalcError, MetricError
from dosecalc.solids import Between, EndCaps

PHASES = (0.5, 0.2, 0.85)
SETTINGS = ("default", "half-extruded", "half", "auto-extruded")
_SECTIONS = 6
_MIDWAY = 1e-6


class Kind(Enum):
    """Which bar a case falls under."""

    STRICT = "strict"
    LOOSE = "loose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One solid in planes of one spacing, with one dose."""

    solid: AnalyticSolid
    spacing_mm: float
    phase: float
    shape: DoseShape

    def __str__(self) -> str:
        return f"{self.solid.name}, {self.spacing_mm:g} mm, phase {self.phase:g}, {self.shape.name}"

    @property
    def kind(self) -> Kind:
        return kind_of(self.solid, planes_mm(self.solid, self.spacing_mm, self.phase), self.spacing_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """How far one set of metrics is from another: volume in %, doses in % of 60 Gy; absolute values."""

    volume: float
    doses: dict[str, float]
    extremes: dict[str, float]

    @property
    def worst(self) -> float:
        return max(self.doses.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was found for a case; ``problem`` is what dosecalc said where it gave no curve."""

    case: Case
    kind: Kind
    found: Errors | None
    extruding: Errors | None
    problem: str = ""


def kind_of(solid: AnalyticSolid, z_mm: Floats, spacing_mm: float) -> Kind:
    """Strict for six or more sections in each part, and ends that are round or midway between slices."""
    if solid.family == "branch" or solid.edged or len(z_mm) < _SECTIONS:
        return Kind.LOOSE
    for low, high in solid.parts_mm:
        if np.count_nonzero((z_mm > low) & (z_mm < high)) < _SECTIONS:
            return Kind.LOOSE
    if solid.family == "tube" and not (solid.flat_low and solid.flat_high):
        return Kind.LOOSE  # a round end thinner than a slice leaves no trace in the contours
    below, above = z_mm[0] - solid.low_mm, solid.high_mm - z_mm[-1]
    for flat, gap in ((solid.flat_low, below), (solid.flat_high, above)):
        if flat and abs(gap - spacing_mm / 2) > _MIDWAY:
            return Kind.LOOSE
    return Kind.STRICT


def cases(chosen: Iterable[AnalyticSolid], phases: Sequence[float] = PHASES) -> Iterator[Case]:
    """All cases of some solids: a gradient along z, another linear dose and a curved one for each."""
    for solid in chosen:
        start = len(solid.name) + int(solid.volume_mm3)
        for spacing in solid.spacings_mm:
            for number, phase in enumerate(phases):
                if len(planes_mm(solid, spacing, phase)) == 0:
                    continue
                turn = start + number + int(spacing)
                for shape in (ALONG_Z, LINEAR[turn % len(LINEAR)], CURVED[turn % len(CURVED)]):
                    yield Case(solid=solid, spacing_mm=spacing, phase=phase, shape=shape)


def settings_named(name: str) -> dosecalc.Settings:
    """Settings by a name of the command line."""
    match name:
        case "default":
            return dosecalc.Settings()
        case "half-extruded":
            return dosecalc.Settings(end_caps=EndCaps.HALF, between=Between.EXTRUDED)
        case "half":
            return dosecalc.Settings(end_caps=EndCaps.HALF)
        case "auto-extruded":
            return dosecalc.Settings(between=Between.EXTRUDED)
        case _:
            raise ValueError(f"settings: expected one of {', '.join(SETTINGS)}, found {name}")


def measured(curve: dosecalc.Curve) -> Metrics:
    """The metrics of a curve; D0.03cc is left out where the curve has no answer."""
    found = {"volume": curve.volume_cm3, "mean": curve.mean_gy, "Dmin": curve.min_gy, "Dmax": curve.max_gy}
    found |= {f"D{p:g}%": curve.dose_at_percent(p) for p in PERCENTS}
    with contextlib.suppress(MetricError):
        found["D0.03cc"] = curve.dose_at_volume(NEAR_MAXIMUM_CM3)
    return found


def errors(found: Metrics, truth: Metrics) -> Errors:
    def apart(name: str) -> float:
        return abs(found[name] - truth[name]) / PRESCRIBED_GY * 100

    return Errors(
        volume=abs(found["volume"] / truth["volume"] - 1) * 100,
        doses={m: apart(m) for m in DOSE_METRICS if m in found and m in truth},
        extremes={m: apart(m) for m in EXTREMES},
    )


def dosecalc_metrics(case: Case, truths: Truths, settings: dosecalc.Settings) -> Metrics:
    """What dosecalc makes of the contours and the stored dose."""
    structure = structure_on(case.solid, planes_mm(case.solid, case.spacing_mm, case.phase), case.spacing_mm)
    return measured(dosecalc.dvh(truths.dose(case.shape).grid, structure, settings=settings))


def _row(case: Case, truths: Truths, name: str, truth: Metrics, extruding: Errors | None) -> Row:
    found, problem = None, ""
    try:
        found = errors(dosecalc_metrics(case, truths, settings_named(name)), truth)
    except DosecalcError as error:
        problem = str(error)
    return Row(case=case, kind=case.kind, found=found, extruding=extruding, problem=problem)


def true_rows(chosen: Iterable[AnalyticSolid], name: str, phases: Sequence[float] = PHASES) -> list[Row]:
    """dosecalc with settings of that name, and the extruding engine, against the true solids."""
    rows = []
    for solid in chosen:
        truths = Truths(solid)
        for case in cases([solid], phases):
            truth = truths.true(case.shape)
            perfect = truths.extruded(case.shape, case.spacing_mm, case.phase)
            rows.append(_row(case, truths, name, truth, errors(perfect, truth)))
        truths.save()
    return rows


def extruded_rows(chosen: Iterable[AnalyticSolid], phases: Sequence[float] = PHASES) -> list[Row]:
    """dosecalc told to extrude, against the exact extruded solids."""
    rows = []
    for solid in chosen:
        truths = Truths(solid)
        for case in cases([solid], phases):
            perfect = truths.extruded(case.shape, case.spacing_mm, case.phase)
            rows.append(_row(case, truths, "half-extruded", perfect, None))
        truths.save()
    return rows
