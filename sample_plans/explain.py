"""The derivation beside the numbers: where each expected value comes from, in words."""

from __future__ import annotations

from collections import Counter

import anatomy
import book
import cases
import derive
import explain_frames
import numpy as np
import quadrature
import timeline
from anatomy import Floats
from book import Part, Session
from cases import CaseSpec, Link
from fields import BEAM_FORMULA, FORMULA
from quadrature import Points
from rows import known

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
    "2 Gy is reached at fraction ceil(50/2) = 25; "
)
NOT_BEGUN = "nothing is delivered yet, so R30 is not due."
DECISIONS = {
    "NOT REACHED": "that is not reached, so R30 is not due.",
    "DUE": "that is reached and no response is entered, so R30 cannot be evaluated: hold.",
    "STOPPED": "complete response is entered for that day and nothing was given after, so R30 passes; "
    "the three fractions left of the plan are in no sum, and the core's prescription ends at 50 Gy.",
    "VIOLATED": "complete response is entered for that day and three fractions were given after: R30 fails.",
}

BROKEN_OFF = (
    "Boost fraction 2 was broken off midway through beam 3 of 5, all of 120 MU: 120 + 120 + 60 of 600 MU, a "
    "half, were given on 3 March, and the other half on 4 March in the visit of fraction 3: the core has "
    "6.5, 1.5 + 2.5 = 4 and 1.5 + 2.5 + 5 = 9 Gy, and the 3 Gy rules must see that sum. The boost's grid "
    "holds all of its beams, so half of it is an approximation: the rest of the fraction may have given "
    "anything from nothing to the whole of it. Judged is the value by meterset: one that breaks 3 Gy fails, "
    "one below it is uncertain where the whole would break it."
)

BROKEN_OFF_BEAMS = (
    "Boost fraction 2 was broken off after beam 3 of 5, all of 120 MU: beams 1 to 3, 360 of 600 MU, were "
    "given on 3 March, beams 4 and 5 on 4 March in the visit of fraction 3: the core's centre, where each "
    "beam gives 1 Gy, has 6.5, 1.5 + 3 = 4.5 and 1.5 + 2 + 5 = 8.5 Gy, and the 3 Gy rules must see that sum. "
    "Each beam was given whole or not at all and has a dose grid of its own, so that nothing of this is "
    "approximate: no value has a range from nothing to the whole fraction."
)
REPLANNED = (
    "After definitive fraction 10 the plan ADAPTED, which names DEFINITIVE as its predecessor, took its "
    "place: 10 and 18 are the 28 fractions of one course, of 20 + 36 = 56 Gy."
)


def derivation(case: CaseSpec) -> list[str]:
    """One sentence group per line."""
    beams = [BEAM_FORMULA + "."] if case.boost_by_beam else []
    lines = [case.title, FORMULA, *beams, *doses(case), CAROTID, *([MUCOSA] if case.mucosa else [])]
    return [
        *lines, METHOD, *spared(case), isodose(case), *core_sum(case), prescription(case),
        targets(case), *timeline_text(case), *explain_frames.registration(case),
        *explain_frames.numbers(case),
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
        if plan.used is not None:
            line += f", of which {plan.used} were given until it was replaced"
        if plan.beam_fields:
            angles = ", ".join(str(field.gantry) for field in plan.beam_fields)
            line += f"; a grid for each beam, from gantry angles {angles} degrees"
        if plan.place is not None:
            line += "; in a frame of its own"
        lines.append(line + ".")
    return lines


def spared(case: CaseSpec) -> list[str]:
    """D0.03cc of each plan alone and of the sum, for every spared structure that is there."""
    lines = []
    for name in derive.SPARED:
        if quadrature.solid_of(case, name) is None:
            lines.append(f"{name}: not contoured, so nothing can be said of it.")
            continue
        points = quadrature.points_of(case, name, quadrature.FINE_MM)
        within = quadrature.covered(case.induction(), points)
        plans = [[p] for p in case.induction()]
        alone = ", ".join(
            f"{p.key} alone {quadrature.near_maximum_gy(quadrature.session_gy([p], within)):.3f}"
            for (p,) in plans
        )
        dose = quadrature.session_gy(case.induction(), within)
        line = (
            f"{name}: D0.03cc {quadrature.near_maximum_gy(dose):.3f} Gy in a session ({alone}), "
            f"maximum {dose.max():.3f} Gy"
        )
        share = len(within[0]) / len(points[0])
        if share < 1:
            line += f", in the {100 * share:.0f} % of its volume that the boost's grid covers"
        lines.append(line + "." + in_parts(case, within))
    if not derive.trusted(case):
        lines.append("These are the true doses; the files do not hold them, so no rule may use them.")
    return lines


def in_parts(case: CaseSpec, points: Points) -> str:
    """What the same is on days that gave a part of a fraction, by beams, or by meterset and at most."""
    text = ""
    for day, session in book.given_sessions(case):
        if not book.in_parts(session):
            continue
        value = quadrature.near_maximum_gy(quadrature.shared_gy(session, points))
        if book.at_most(session) == session:
            by_share = quadrature.near_maximum_gy(by_meterset(session, points))
            words = " + ".join(in_beams(part) for part in session)
            text += f" On {day}, {words}: {value:.3f} Gy exactly; by meterset it would be {by_share:.3f}."
        else:
            words = " + ".join(f"{part.share:g} {part.plan.key}" for part in session)
            most = quadrature.near_maximum_gy(quadrature.shared_gy(book.at_most(session), points))
            text += f" On {day}, {words}: {value:.3f} Gy by meterset, at most {most:.3f}."
    return text


def in_beams(part: Part) -> str:
    """A part in words: how often each beam was given, where these differ."""
    if len(set(part.beams)) == 1:
        return f"{part.share:g} {part.plan.key}"
    return f"{part.plan.key} by beam ({', '.join(f'{beam:g}' for beam in part.beams)})"


def by_meterset(session: Session, points: Points) -> Floats:
    """What a visit would give if each beam gave a fifth of its plan everywhere: not so, where they differ."""
    dose = np.zeros(points[0].shape)
    for part in session:
        dose = dose + part.share * quadrature.session_gy([part.plan], points)
    return dose


def isodose(case: CaseSpec) -> str:
    low, high = derive.isodose_z_mm(case)
    line = f"The 3 Gy isodose of a session reaches from z = {low:g} to {high:g} mm"
    if case.short_carotid:
        top = cases.SHORT_CAROTID_MM[1] + anatomy.SLICE_MM / 2
        line += f"; the left carotid ends at z = {top:g} mm, {high - top:g} mm short of its upper end"
    return line + "."


def core_sum(case: CaseSpec) -> list[str]:
    """EQD2 of the core, which lies on every plateau, by hand; of its centre, where beams differ in it."""
    if not derive.trusted(case):
        return []
    lines = []
    where = "Core's centre" if derive.in_whole_beams(case) else "Core"
    for alpha_beta in (derive.ALPHA_BETA_LATE_GY, timeline.ALPHA_BETA_TUMOUR_GY):
        formula = f"{where}, EQD2 at a/b {alpha_beta:g} = sum n d (d + a/b)/(2 + a/b): "
        lines.append(f"{formula}{core_terms(case, alpha_beta)} Gy.")
        if case.progress:
            lines.append(f"The same of what is given so far: {core_terms(case, alpha_beta, ahead=False)} Gy.")
    lines.append(f"Means under 'structures' {counted(case)}; what one session gives is summed before EQD2.")
    return lines


def counted(case: CaseSpec) -> str:
    match case.link:
        case Link.UNREGISTERED:
            return "leave out the prior course (nothing leads to its frame)"
        case Link.INVERTED:
            return "are not derived"
    return "count the prior course" if case.prior else "leave out the prior course (no dose of it here)"


def core_terms(case: CaseSpec, alpha_beta: float, *, ahead: bool = True) -> str:
    parts = [
        (n, sum(part.share * part.plan.fraction_gy for part in session))
        for session, n in known(case, book.sessions(case, ahead=ahead)).items()
    ]
    terms = [n * d * (d + alpha_beta) / (2 + alpha_beta) for n, d in parts]
    words = " + ".join(f"{n} x {d:g} -> {t:.4f}" for (n, d), t in zip(parts, terms, strict=True))
    return f"{words}; together {sum(terms):.4f}"


def prescription(case: CaseSpec) -> str:
    parts = [gy for _, gy in timeline.core_prescriptions(case)]
    terms = " + ".join(f"{p:g}" for p in parts)
    late = timeline.core_prescription_eqd2_gy(case, timeline.ALPHA_BETA_LATE_GY)
    return (
        f"Core prescription, physical: {terms} = {sum(parts):g} Gy; as EQD2 at a/b "
        f"{timeline.ALPHA_BETA_LATE_GY:g}, what one session gives added first: {late:.3f} Gy."
    )


def timeline_text(case: CaseSpec) -> list[str]:
    """Dates, the decision at 50 Gy, and what the records hold."""
    if case.progress is None:
        return [CALENDAR + NOT_BEGUN]
    given, left = case.progress.definitive, book.days_left(case)
    lines = [CALENDAR + DECISIONS[timeline.decision(case)[0]]]
    counted = f"Records: 3 days of induction, {given} of 28 definitive fractions"
    if given:
        counted += f", the last on {book.definitive_days(case)[given - 1]}"
    if left:
        counted += f"; the plan's last fraction would be on {left[-1]}, one a weekday"
    lines.append(counted + ".")
    entered = " and ".join(str(day) for day in book.drugs_given(case))
    lines.append(
        f"Anti-PD-1 is entered for {entered}; days 1 and 22 are {book.drug_days()[0]} and "
        f"{book.drug_days()[1]}. Maintenance is due within 14 days after {timeline.last_day(case)}."
    )
    if case.progress.broken_off:
        lines.append(BROKEN_OFF_BEAMS if derive.in_whole_beams(case) else BROKEN_OFF)
    if case.replanned_after:
        lines += [REPLANNED, mixed_up(case)]
    if case.progress.days_off:
        lines.append(
            f"{case.progress.days_off} working days are lost after fraction {case.progress.days_off_after}: "
            "no week has more than five fractions, and the course ends a week later than planned."
        )
    if case.progress.images:
        lines.append(
            f"The record of definitive fraction {case.progress.images} also holds a SETUP delivery of 1 MU "
            "and an OPEN_PORTFILM one of 2 MU: neither is part of the fraction, which stays one whole."
        )
    return lines


def mixed_up(case: CaseSpec) -> str:
    """What the left carotid would have if the fractions of the two plans were mistaken for one another."""
    points = quadrature.points_of(case, "A_Carotid_L", quadrature.FINE_MM)
    first, second = case.definitive_plans()

    def mean_gy(of_first: int, of_second: int) -> str:
        found = Counter({(Part(plan=first),): of_first, (Part(plan=second),): of_second})
        eqd2 = quadrature.eqd2(found, points, quadrature.session_gy, alpha_beta_gy=derive.ALPHA_BETA_LATE_GY)
        return f"{eqd2.mean():.3f} Gy"

    return (
        f"A_Carotid_L, mean EQD2(3) of the definitive course: {mean_gy(first.days, second.days)}. All 28 of "
        f"DEFINITIVE would be {mean_gy(28, 0)}, all of ADAPTED {mean_gy(0, 28)}, the numbers exchanged "
        f"{mean_gy(second.days, first.days)}."
    )


def targets(case: CaseSpec) -> str:
    plans = case.induction()
    lesion = quadrature.session_gy([plans[0]], quadrature.points_of(case, "GTVp", quadrature.COARSE_MM))
    core = quadrature.session_gy([plans[-1]], quadrature.points_of(case, "GTVp_High", quadrature.COARSE_MM))
    return (
        f"True coverage per fraction: lesion D98% {quadrature.least_to(lesion, 98):.3f} of 1.5 Gy, "
        f"core D95% {quadrature.least_to(core, 95):.3f} of 5 Gy; core outside the lesion "
        f"{derive.core_outside_lesion_cm3(case):.3f} cm3."
    )
