"""The derivation in words of cases whose courses lie in several frames, or are known as numbers only."""

from __future__ import annotations

import agreement
import anatomy
import book
import cases
import numpy as np
import quadrature
import rows
from cases import CaseSpec, Link, PlanSpec
from fields import total
from places import Floats, Mapping, Points, back, there

FRAMES = (
    "Fields, solids and points are given in the anatomy's own coordinates, those of the frame of the "
    "first treatment plans. Another frame has them elsewhere: its grid holds at each node the dose of the"
    " point that lies there, and its contours are axial sections of the solids as they lie there, found "
    "by membership of points carried back. Tubes are cut anew on axial slices, from the first to the last"
    " that their centre line crosses, and half a slice more belongs to them as elsewhere; round ends are "
    "what they were."
)
SUMS = (
    "Rows are those of all courses together. D0.03cc and the like: closed-form doses at points 0.25 x 0.25 x "
    "0.3 mm apart in the solid as contoured in the structure set of the definitive plan, carried back. "
    "Tolerances: how far a trilinear reading of the stored grids{vectors} is from that, and for a mean 0.2 % "
    "for contours, for D0.03cc 0.12 mm (chords 0.03 mm, slices of 3 mm 0.1 mm) at the steepest slope of the "
    "sum there."
)
ORGANS = (
    "R42.organs: middles of the organ's points in both structure sets, those of the other one brought "
    "here as the file says; of cord and carotids the part that both have along z. {found}. Tolerance 0.75"
    " mm: half a slice more or less at one end moves a middle by half of that. They are not 0 where tubes"
    " end on other slices."
)
KNOWN = "Nothing leads to the prior course: values are those of the other courses, and open above."
INVERTED = (
    "The file has the matrix that leads back in place of the one that leads there, so that organs lie apart "
    "and no sum can be trusted: none is derived."
)
NUMBERS = (
    "{uniform}: {gy:g} Gy of the prior course everywhere, in 35 fractions of {d:g} Gy; EQD2 at a/b 3 is "
    "{effect:.3f} Gy. It adds to every value as it is. {unknown} has no numbers: its sums are open above."
)
BOUNDS = (
    "{bounded}, A being known and B of the prior course having a maximum M = {m:g} and D0.03cc N = {n:g} Gy, "
    "wherever in it: no point has more than Dmax(A) + M; 0.03 cm3 cannot all have more than D0.03cc(A) + M, "
    "nor more than Dmax(A) + N. No less than Dmax(A) and D0.03cc(A), of A alone; and the 0.03 cm3 with N of "
    "B have Dmin(A) at least, the hottest point of them what all but 0.03 cm3 of A have. Physical, A: Dmax "
    "{maximum:.3f}, D0.03cc {near:.3f}, Dmin {minimum:.3f}, all but 0.03 cm3 {all_but:.3f} Gy. EQD2 at a/b "
    "2: M and N become {m_effect:.3f} and {n_effect:.3f} Gy. Maxima and minima are told within 0.8 mm at the "
    "steepest slope."
)


def registration(case: CaseSpec) -> list[str]:
    """Frames, registration, sums and distances."""
    if not agreement.has_two_frames(case):
        return []
    if case.link is Link.UNREGISTERED:
        return [FRAMES, where(case), SUMS.format(vectors=""), KNOWN]
    vectors = " through the stored vectors" if case.link is Link.DEFORMED else ""
    sums = INVERTED if case.link is Link.INVERTED else SUMS.format(vectors=vectors)
    return [FRAMES, where(case), stored(case), sums, misread(case), distances(case)]


def where(case: CaseSpec) -> str:
    """Where the other frame has the anatomy."""
    if case.new_ct:
        return (
            f"The new CT of the definitive plan has the anatomy {cases.NEW_CT.words()}. Contoured there are "
            f"{', '.join(anatomy.TREATED)}."
        )
    assert case.prior_place is not None
    return f"The CT of the prior course has the anatomy {case.prior_place.words()}."


def stored(case: CaseSpec) -> str:
    """What the file of the registration holds, and between which frames it leads."""
    if case.new_ct:
        return (
            "REG.dcm is a Spatial Registration in the frame of the new CT: the identity for that frame, and "
            "the matrix from the frame of low dose and boost into it."
        )
    if case.link is Link.DEFORMED:
        grid = cases.BENT_CT.grid
        steps, counts = (" x ".join(f"{v:g}" for v in part) for part in (grid.step_mm, grid.count))
        return (
            "REG.dcm is a Deformable Spatial Registration in the frame of the treatment: from each of its "
            f"points to where that was in the prior course. {counts} vectors {steps} mm apart are the "
            "displacements, linear between them; turn and shift after them are its post-deformation matrix."
        )
    which = "matrix from" if case.link is Link.REGISTERED else "inverse of the matrix from"
    return (
        "REG.dcm is a Spatial Registration in the frame of the prior course: the identity for that frame, "
        f"and the {which} the frame of the treatment into it."
    )


def misread(case: CaseSpec) -> str:
    """What the left carotid would have without the registration, or with it gone the wrong way."""

    def away(at: Points) -> Points:
        return there(cases.NEW_CT, at) if case.new_ct else back(case.prior_place, at)

    right, without, backwards = (
        _mean_gy(case, wrong) for wrong in (lambda at: at, away, lambda at: away(away(at)))
    )
    unbent = ""
    if case.link is Link.DEFORMED:
        by_matrix = _mean_gy(case, lambda at: cases.BENT_CT.back(cases.BENT_CT.then.there(at)))
        unbent = f" By its matrix alone, without displacements, it would be {by_matrix:.3f} Gy."
    return (
        f"A_Carotid_L, mean EQD2(3) of all courses: {right:.3f} Gy. Without the registration it would be "
        f"{without:.3f}, with it gone the wrong way {backwards:.3f} Gy.{unbent}"
    )


def _mean_gy(case: CaseSpec, wrong: Mapping) -> float:
    """The mean with doses of the other frame read at wrong points."""

    def dose(plans: list[PlanSpec], points: Points) -> Floats:
        found = np.zeros(points[0].shape)
        for plan in plans:
            # Sums on the new CT read what has no place of its own elsewhere; else it is the other way round.
            elsewhere = (plan.place is None) == case.new_ct
            found = found + total(plan.fields, *(wrong(points) if elsewhere else points))
        return found

    points = quadrature.sum_points_of(case, "A_Carotid_L", quadrature.FINE_MM)
    return float(quadrature.eqd2(book.sessions(case), points, dose, alpha_beta_gy=3.0).mean())


def distances(case: CaseSpec) -> str:
    names = (*agreement.ORGANS, *agreement.ALONG)
    return ORGANS.format(found=", ".join(f"{n} {agreement.apart_mm(case, n):.2f} mm" for n in names))


def numbers(case: CaseSpec) -> list[str]:
    """What the few numbers of a prior course make of sums."""
    if not case.prior_numbers:
        return []
    known = rows.sum_of(case, cases.BOUNDED, rows.PHYSICAL)
    return [
        SUMS.format(vectors=""),
        NUMBERS.format(
            uniform=cases.UNIFORM, gy=cases.UNIFORM_GY, d=cases.UNIFORM_GY / cases.PRIOR_FRACTIONS,
            effect=rows.prior_effect("EQD2(3)", cases.UNIFORM_GY), unknown=cases.UNKNOWN,
        ),
        BOUNDS.format(
            bounded=cases.BOUNDED, m=cases.MAX_GY, n=cases.NEAR_MAX_GY,
            maximum=known.value(rows.maximum_gy), near=known.value(quadrature.near_maximum_gy),
            minimum=known.value(rows.minimum_gy), all_but=known.value(rows.near_minimum_gy),
            m_effect=rows.prior_effect("EQD2(2)", cases.MAX_GY),
            n_effect=rows.prior_effect("EQD2(2)", cases.NEAR_MAX_GY),
        ),
    ]  # fmt: skip
