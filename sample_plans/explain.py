"""The derivation beside the numbers: where each expected value comes from, in words."""

from __future__ import annotations

import anatomy
import cases
import derive
from cases import CaseSpec
from fields import FORMULA

METHOD = (
    "Near-maxima (D0.03cc) are the lowest closed-form dose of the hottest 0.03 cm3 of points "
    "0.25 x 0.25 x 0.3 mm apart in the solid. Their tolerance is how far a trilinear reading of "
    "the stored grids is from that at the same points, plus 0.015 Gy for contours "
    "(chords, slices of 3 mm at up to 0.13 Gy/mm), rounded up to 0.01 Gy."
)
CAROTID = (
    "Carotids: in every axial section a circle of radius 3 about x = +-(32.5 - 2.5 cos(pi z/45)), "
    "y = 12 + 3 sin(pi z/60), contoured from z = -42 to 36 "
    "(half a slice more at either end); left is +x."
)
MUCOSA = (
    "Mucosa: between the half ellipses of semi-axes 18 x 12 and 16 x 10 about (0, -36), y >= -36, "
    "contoured from z = -30 to 27."
)
CALENDAR = (
    "Induction on 2 to 4 March 2026, first definitive fraction on 30 March: 26 days, within 21 to "
    "28. Recurrence on 10 February 2026, more than a year after 1 March 2024. 50 Gy in steps of "
    "2 Gy is reached at fraction ceil(50/2) = 25; nothing is delivered yet, so R30 is not due."
)


def derivation(case: CaseSpec) -> list[str]:
    """One sentence group per line."""
    lines = [case.title, FORMULA, *doses(case), CAROTID, *([MUCOSA] if case.mucosa else [])]
    return [
        *lines, METHOD, *spared(case), isodose(case), *core_sum(case), prescription(case),
        targets(case), CALENDAR,
    ]  # fmt: skip


def doses(case: CaseSpec) -> list[str]:
    lines = []
    for plan in case.plans():
        fields = " + ".join(f.words() for f in plan.fields)
        line = f"{plan.key}: per fraction {fields}; {plan.fractions} fractions"
        if plan.stored_fractions != plan.fractions:
            line += (
                f"; its grid holds {plan.stored_fractions} of them and says PLAN: the median "
                f"in its target is {plan.stored_fractions}/{plan.fractions} of the prescription"
            )
        lines.append(line + ".")
    return lines


def spared(case: CaseSpec) -> list[str]:
    """D0.03cc of each plan alone and of the sum, for every spared structure that is there."""
    lines = []
    for name in derive.SPARED:
        if derive.solid_of(case, name) is None:
            lines.append(f"{name}: not contoured, so nothing can be said of it.")
            continue
        points = derive.points_of(case, name, derive.FINE_MM)
        within = derive.covered(case.induction(), points)
        plans = [[p] for p in case.induction()]
        alone = ", ".join(
            f"{p.key} alone {derive.near_maximum_gy(derive.session_gy([p], within)):.3f}" for (p,) in plans
        )
        dose = derive.session_gy(case.induction(), within)
        line = (
            f"{name}: D0.03cc {derive.near_maximum_gy(dose):.3f} Gy in a session ({alone}), "
            f"maximum {dose.max():.3f} Gy"
        )
        share = len(within[0]) / len(points[0])
        if share < 1:
            line += f", in the {100 * share:.0f} % of its volume that the boost's grid covers"
        lines.append(line + ".")
    if not derive.trusted(case):
        lines.append("These are the true doses; the files do not hold them, so no rule may use them.")
    return lines


def isodose(case: CaseSpec) -> str:
    low, high = derive.isodose_z_mm(case)
    line = f"The 3 Gy isodose of a session reaches from z = {low:g} to {high:g} mm"
    if case.short_carotid:
        top = cases.SHORT_CAROTID_MM[1] + anatomy.SLICE_MM / 2
        line += f"; the left carotid ends at z = {top:g} mm, {high - top:g} mm short of its upper end"
    return line + "."


def core_sum(case: CaseSpec) -> list[str]:
    """EQD2 of the core, which lies on every plateau, by hand."""
    if not derive.trusted(case):
        return []
    session = 5.0 if case.sib else 6.5
    lines = []
    for alpha_beta in (derive.ALPHA_BETA_LATE_GY, derive.ALPHA_BETA_TUMOUR_GY):
        parts = [(3, session), (28, 2.0), *([(35, 2.0)] if case.prior else [])]
        terms = [n * d * (d + alpha_beta) / (2 + alpha_beta) for n, d in parts]
        words = " + ".join(f"{n} x {d:g} -> {t:.4f}" for (n, d), t in zip(parts, terms, strict=True))
        lines.append(
            f"Core, EQD2 at a/b {alpha_beta:g} = sum n d (d + a/b)/(2 + a/b): {words}; "
            f"together {sum(terms):.4f} Gy."
        )
    known = "count the prior course" if case.prior else "leave out the prior course (no dose of it here)"
    lines.append(f"Means under 'structures' {known}; what one session gives is summed before EQD2.")
    return lines


def prescription(case: CaseSpec) -> str:
    parts = [cases.PRIOR_GY, *(p.targets[0][1] for p in case.plans() if p.course != "prior")]
    terms = " + ".join(f"{p:g}" for p in parts)
    return f"Core prescription, physical: {terms} = {sum(parts):g} Gy."


def targets(case: CaseSpec) -> str:
    plans = case.induction()
    lesion = derive.session_gy([plans[0]], derive.points_of(case, "GTVp", derive.COARSE_MM))
    core = derive.session_gy([plans[-1]], derive.points_of(case, "GTVp_High", derive.COARSE_MM))
    return (
        f"True coverage per fraction: lesion D98% {derive.least_to(lesion, 98):.3f} of 1.5 Gy, "
        f"core D95% {derive.least_to(core, 95):.3f} of 5 Gy; core outside the lesion "
        f"{derive.core_outside_lesion_cm3(case):.3f} cm3."
    )
