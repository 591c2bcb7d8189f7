"""The cases that are written, in the order of their numbers."""

from __future__ import annotations

from cases import ALL_X_MM, BETWEEN_BEAMS, CaseSpec, Link, Progress

CASES = (
    CaseSpec(
        name="redefine_compliant",
        title="Low dose and boost as two plans in one session, all limits kept.",
    ),
    CaseSpec(
        name="redefine_carotid_violation",
        title="The core lies near the left carotid; the boost alone breaks 3 Gy there.",
        core_x_mm=11.0,
    ),
    CaseSpec(
        name="redefine_two_plans",
        title="The boost alone keeps 3 Gy at the left carotid; the sum of the session does not. "
        "Nothing says how the two plans are grouped.",
        core_x_mm=8.0,
        grouping=False,
    ),
    CaseSpec(
        name="redefine_sib",
        title="Low dose and boost in one plan with a simultaneous integrated boost.",
        sib=True,
    ),
    CaseSpec(
        name="redefine_missing_mucosa",
        title="No mucosa is contoured.",
        mucosa=False,
    ),
    CaseSpec(
        name="redefine_dose_too_small",
        title="The boost's last voxels are centred on x = -30 mm, inside the right carotid; what it covers "
        "keeps 3 Gy.",
        boost_x_mm=(-30.0, ALL_X_MM[1]),
    ),
    CaseSpec(
        name="redefine_dose_too_small_hot",
        title="The boost's last voxels are centred on x = 30 mm, inside the left carotid; what it covers "
        "breaks 3 Gy already.",
        core_x_mm=10.0,
        boost_x_mm=(ALL_X_MM[0], 30.0),
    ),
    CaseSpec(
        name="redefine_short_contour",
        title="The left carotid is contoured on six slices below the 3 Gy isodose only.",
        short_carotid=True,
    ),
    CaseSpec(
        name="redefine_one_fraction_dose",
        title="The boost's dose grid holds one fraction but says PLAN.",
        boost_stored_fractions=1,
    ),
    CaseSpec(
        name="redefine_with_prior",
        title="The compliant case with the plan, dose and structure set of the prior course.",
        prior=True,
    ),
    CaseSpec(
        name="redefine_under_way",
        title="Under way: the induction and 12 of 28 definitive fractions are given, all as planned.",
        progress=Progress(definitive=12, images=6),
    ),
    CaseSpec(
        name="redefine_decision_due",
        title="50 Gy are reached at definitive fraction 25, and no response is entered: hold.",
        progress=Progress(definitive=25),
    ),
    CaseSpec(
        name="redefine_stopped_after_cr",
        title="Complete response is entered for the day of definitive fraction 25; nothing was given after.",
        progress=Progress(definitive=25, complete_response=True),
    ),
    CaseSpec(
        name="redefine_violated_after_cr",
        title="Complete response is entered for the day of definitive fraction 25; three more were given.",
        progress=Progress(definitive=28, complete_response=True),
    ),
    CaseSpec(
        name="redefine_broken_off",
        title="Boost fraction 2 was broken off after half of it and the rest given with fraction 3: "
        "that day's sum breaks 3 Gy at the left carotid, which the plans keep.",
        core_x_mm=4.5,
        progress=Progress(definitive=0, broken_off=2),
    ),
    CaseSpec(
        name="redefine_five_day_break",
        title="After definitive fraction 10 five working days were lost; 15 fractions are given by now.",
        progress=Progress(definitive=15, days_off_after=10, days_off=5),
    ),
    CaseSpec(
        name="redefine_replanned",
        title="After 10 definitive fractions a second plan of 18 took the place of the first, for a target "
        "that had shrunk; 4 of the 18 are given.",
        replanned_after=10,
        progress=Progress(definitive=14),
    ),
    CaseSpec(
        name="redefine_broken_off_beams",
        title="Boost fraction 2 was broken off between two beams, each of which has a dose of its own: the "
        "rest, given with fraction 3, breaks 3 Gy at the left carotid, which 2/5 of every beam would keep.",
        boost_by_beam=True,
        progress=Progress(definitive=0, broken_off=2, begun=BETWEEN_BEAMS),
    ),
    CaseSpec(
        name="redefine_new_ct",
        title="The definitive plan is made on a new CT, with a frame of reference and structures of its own; "
        "a spatial registration leads from the frame of low dose and boost into it.",
        few=True,
        new_ct=True,
    ),
    CaseSpec(
        name="redefine_prior_registered",
        title="The prior course lies in a frame of reference of its own; a spatial registration leads from "
        "the frame of the treatment into it, and has to be gone backwards to bring its structures here.",
        few=True,
        prior=True,
        link=Link.REGISTERED,
    ),
    CaseSpec(
        name="redefine_prior_inverted",
        title="The prior course lies in a frame of reference of its own, and the matrix of the spatial "
        "registration is stored the wrong way round: organs of the two courses lie apart.",
        few=True,
        prior=True,
        link=Link.INVERTED,
    ),
    CaseSpec(
        name="redefine_prior_unregistered",
        title="The prior course lies in a frame of reference of its own, and nothing leads into it.",
        few=True,
        prior=True,
        link=Link.UNREGISTERED,
    ),
    CaseSpec(
        name="redefine_prior_numbers",
        title="Of the prior course a few numbers are known: one dose everywhere in the left carotid, maximum "
        "and near-maximum of the cord, and nothing of other structures.",
        few=True,
        prior_numbers=True,
    ),
    CaseSpec(
        name="redefine_deformable",
        title="The prior course lies in a frame of reference of its own; a deformable registration leads "
        "from the frame of the treatment into it.",
        few=True,
        prior=True,
        link=Link.DEFORMED,
    ),
)
