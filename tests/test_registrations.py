"""From frame to frame: the way, what is refused on it, and doses evaluated at its end."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from factories import make_box, make_dose, make_lattice, make_sphere, slices

from dosecalc.accumulation import accumulate, dvh
from dosecalc.celldoses import cell_doses
from dosecalc.curves import Curve
from dosecalc.doses import DoseGrid
from dosecalc.errors import FrameError, NotCoveredError
from dosecalc.lattices import Lattice
from dosecalc.ledger import Ledger
from dosecalc.quantities import Eqd2, Physical
from dosecalc.registrations import Direction, Frames, Kind, NoPath, Registration, Step
from dosecalc.structures import Structure
from dosecalc.transforms import (
    IDENTITY,
    Affine,
    Chain,
    Deformation,
    Inverse,
    Transform,
    VectorGrid,
    apply,
    describe,
)

Floats = npt.NDArray[np.float64]


def shifted(x: float, y: float = 0.0, z: float = 0.0) -> Affine:
    matrix = np.eye(4)
    matrix[:3, 3] = x, y, z
    return Affine(matrix=matrix)


def turned(degrees: float, shift_xyz_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Affine:
    """About z and then y."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(4)
    about_y, about_z = [[c, 0, s], [0, 1, 0], [-s, 0, c]], [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    matrix[:3, :3], matrix[:3, 3] = np.array(about_y) @ np.array(about_z), shift_xyz_mm
    return Affine(matrix=matrix)


def link(from_uid: str, to_uid: str, transform: Transform, source: str = "") -> Registration:
    return Registration(from_uid=from_uid, to_uid=to_uid, transform=transform, source=source)


def encoding(motion: Affine, *, low: float = -99.0, high: float = 99.0) -> Deformation:
    """Displacements on a turned grid that move points as a matrix does, known from one x to another."""
    directions = turned(20).linear
    counts, resolution = (34, 29, 37), np.array([5.0, 6.0, 4.5])
    k, j, i = np.meshgrid(*(np.arange(count) for count in counts[::-1]), indexing="ij")
    span = (np.array(counts) - 1) * resolution
    origin = -(span / 2) @ directions
    points = origin + (np.stack([i, j, k], axis=-1) * resolution) @ directions
    vectors = (apply(motion, points) - points).astype(np.float32)
    vectors[(points[..., 0] < low) | (points[..., 0] > high)] = np.nan
    return Deformation(
        grid=VectorGrid(
            origin_xyz_mm=origin, resolution_mm=resolution, vectors_mm=vectors, directions=directions
        )
    )


# --- the way ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("from_uid", "to_uid"), [("a", "a"), ("", "a"), ("a", ""), ("", "")])
def test_within_a_frame_points_stay(from_uid: str, to_uid: str) -> None:
    frames = Frames(registrations=(link("a", "b", shifted(1)),))
    assert frames.path(from_uid, to_uid) == IDENTITY
    assert frames.route(from_uid, to_uid) == ()


def test_three_steps_by_hand_forwards_and_backwards() -> None:
    """a to b shifts by 10 along x, b to c turns x into y, d to c, gone backwards, shifts by 5 along y."""
    quarter = Affine(matrix=np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    registrations = (
        link("b", "c", quarter, "bc.dcm"),
        link("d", "c", shifted(0, 5, 0), "dc.dcm"),
        link("a", "b", shifted(10), "ab.dcm"),
        link("d", "e", shifted(99), "de.dcm"),
    )
    frames = Frames(registrations=registrations)
    there = frames.path("a", "d")
    back = frames.path("d", "a")
    assert isinstance(there, Affine)
    assert isinstance(back, Affine)
    np.testing.assert_allclose(apply(there, np.array([[1.0, 2, 3]])), [[-2, 6, 3]], atol=1e-12)
    np.testing.assert_allclose(apply(back, np.array([[-2.0, 6, 3]])), [[1, 2, 3]], atol=1e-12)
    route = frames.route("a", "d")
    assert not isinstance(route, NoPath)
    assert [(s.registration.source, s.direction, s.from_uid, s.to_uid) for s in route] == [
        ("ab.dcm", Direction.FORWARD, "a", "b"),
        ("bc.dcm", Direction.FORWARD, "b", "c"),
        ("dc.dcm", Direction.INVERSE, "c", "d"),
    ]
    assert str(route[0]) == (
        "from frame of reference a into b by registration ab.dcm "
        "(rigid: turned by 0.00 degrees, shifted by (10.0, 0.0, 0.0) mm)"
    )
    assert str(route[2]) == (
        "from frame of reference c into d by the inverse of registration dc.dcm "
        "(rigid: turned by 0.00 degrees, shifted by (0.0, 5.0, 0.0) mm)"
    )


def test_one_registration_is_gone_as_it_is() -> None:
    moved, grid = shifted(3), encoding(shifted(3))
    frames = Frames(registrations=(link("a", "b", moved), link("b", "c", grid)))
    assert frames.path("a", "b") is moved
    assert frames.path("b", "c") is grid
    assert isinstance(frames.path("c", "b"), Inverse)
    assert isinstance(frames.path("a", "c"), Chain)


def test_fewest_steps_are_taken() -> None:
    frames = Frames(
        registrations=(
            link("a", "b", shifted(1)),
            link("b", "c", shifted(1)),
            link("c", "a", shifted(-7)),  # a to c is 7 mm here, and 2 mm by way of b
        )
    )
    path = frames.path("a", "c")
    assert isinstance(path, Affine)
    np.testing.assert_allclose(path.shift_xyz_mm, (7, 0, 0))


def test_equal_registrations_of_one_pair_are_one() -> None:
    there, rounded = turned(5, (10, -20, 30)), Affine(matrix=np.round(turned(5, (10, -20, 30)).matrix, 7))
    frames = Frames(
        registrations=(link("a", "b", there, "1.dcm"), link("b", "a", rounded.inverse(), "2.dcm"))
    )
    assert frames.path("a", "b") is there
    grids = Frames(registrations=(link("a", "b", encoding(there)), link("a", "b", encoding(there))))
    assert isinstance(grids.path("b", "a"), Inverse)


def test_registrations_of_one_pair_that_differ_are_refused() -> None:
    frames = Frames(
        registrations=(
            link("a", "b", shifted(1), "1.dcm"),
            link("b", "a", shifted(1), "2.dcm"),
            link("b", "c", shifted(1), "3.dcm"),
        )
    )
    for from_uid, to_uid in (("a", "b"), ("b", "a"), ("a", "c"), ("c", "a")):
        message = r"frames (a and b|b and a): expected one registration, found 2: 1\.dcm, 2\.dcm$"
        with pytest.raises(FrameError, match=message):
            frames.path(from_uid, to_uid)
    assert not isinstance(frames.path("b", "c"), NoPath)


def test_two_ways_of_so_few_steps_are_refused() -> None:
    frames = Frames(
        registrations=(
            link("a", "MR", shifted(1), "1.dcm"),
            link("b", "MR", shifted(1), "2.dcm"),
            link("a", "PET", shifted(1), "3.dcm"),
            link("PET", "b", shifted(1), "4.dcm"),
        )
    )
    with pytest.raises(FrameError) as caught:
        frames.path("a", "b")
    assert str(caught.value) == (
        "frames a and b: expected one way of 2 registrations, "
        "found a - MR - b (1.dcm, 2.dcm) and a - PET - b (3.dcm, 4.dcm)"
    )


def test_no_way_names_what_would_help() -> None:
    apart = Frames(registrations=(link("x", "y", shifted(1), "1.dcm"),)).path("a", "b")
    assert str(apart) == (
        "no registration links frame of reference a with b; "
        "add the Spatial Registration (REG) object that does"
    )
    near = Frames(
        registrations=(link("a", "c", shifted(1), "1.dcm"), link("d", "b", shifted(1), "2.dcm"))
    ).path("a", "b")
    assert isinstance(near, NoPath)
    assert str(near) == (
        "no registration links frame of reference a with b; "
        "add the Spatial Registration (REG) object that does, or one that joins up with what there is: "
        "registration 1.dcm links a with c; registration 2.dcm links d with b"
    )


def test_many_frames_in_a_net_are_searched_at_once() -> None:
    """Twelve layers of four frames, all linked with all of the next: 4^11 ways, and two are named."""
    registrations = tuple(
        link(f"{n}{a}", f"{n + 1}{b}", shifted(1)) for n in range(12) for a in "pqrs" for b in "pqrs"
    )
    begun = time.perf_counter()
    with pytest.raises(FrameError, match="expected one way of 12 registrations, found 0p - 1"):
        Frames(registrations=registrations).path("0p", "12p")
    assert time.perf_counter() - begun < 2


# --- records ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_uid", "to_uid", "found"),
    [("", "b", "none and b"), ("a", "", "a and none"), ("a", "a", "a and a")],
)
def test_a_registration_links_two_frames(from_uid: str, to_uid: str, found: str) -> None:
    with pytest.raises(FrameError) as caught:
        link(from_uid, to_uid, shifted(1), "REG.dcm")
    expected = f"registration REG.dcm: expected two frames of reference, found {found}"
    assert str(caught.value) == expected


def test_remarks_say_what_is_not_rigid() -> None:
    rigid = link("a", "b", turned(5, (1, 2, 3)))
    assert rigid.remarks() == ()
    assert rigid.kind is Kind.UNSTATED
    beginning = "registration REG.dcm from frame of reference a into b: "
    scaled = link("a", "b", Affine(matrix=np.diag([-1.1, 1, 1, 1])), "REG.dcm")
    assert replace(scaled, notes=("2 matrices",)).remarks() == (
        beginning + "not rigid: mirrored (determinant -1.1000)",
        beginning + "not rigid: scaled by 1.1000, 1.0000 and 1.0000",
        beginning + "2 matrices",
    )
    (deformed,) = link("a", "b", encoding(shifted(3)), "REG.dcm").remarks()
    assert deformed.startswith(beginning + "not rigid: deformable: 34 x 29 x 37 vectors 5 x 6 x 4.5 mm apart")


def test_a_step_backwards_maps_backwards() -> None:
    step = Step(registration=link("a", "b", shifted(3)), direction=Direction.INVERSE)
    assert (step.from_uid, step.to_uid) == ("b", "a")
    np.testing.assert_allclose(apply(step.transform, np.zeros((1, 3))), [[-3, 0, 0]])


# --- doses at the end of the way ----------------------------------------------------------------

MOTION = turned(7, (6.0, -9.0, 4.0))
LATTICE = make_lattice(low_xyz_mm=(-90,) * 3, high_xyz_mm=(90,) * 3, spacing_xyz_mm=(4, 5, 3))
SLOPE = np.array([0.11, -0.07, 0.05])


def linear_dose(frame_uid: str, mapped_by: Affine | None = None) -> DoseGrid:
    """60 Gy at the origin and a slope, or the same seen from where a motion takes its frame."""
    back = shifted(0) if mapped_by is None else mapped_by.inverse()

    def field(x: Floats, y: Floats, z: Floats) -> Floats:
        return np.asarray(60 + apply(back, np.stack([x, y, z], axis=-1)) @ SLOPE)

    return make_dose(field=field, lattice=LATTICE, frame_uid=frame_uid)


def structure(frame_uid: str) -> Structure:
    planes = slices(low_mm=-20, high_mm=19, spacing_mm=3)
    return replace(make_sphere(radius_mm=18, planes_mm=planes), frame_uid=frame_uid)


def curve_of(dose: DoseGrid, where: Structure, *registrations: Registration) -> Curve:
    ledger = Ledger.from_doses([(dose, 30)])
    return accumulate(ledger, where, Eqd2(alpha_beta_gy=3.0), frames=Frames(registrations=registrations))


def assert_same_curve(found: Curve, expected: Curve) -> None:
    assert found.uncovered_cm3 == 0
    assert found.mean_gy == pytest.approx(expected.mean_gy, abs=1e-4)
    assert found.dose_at_volume(0.03) == pytest.approx(expected.dose_at_volume(0.03), abs=1e-4)
    assert found.min_gy == pytest.approx(expected.min_gy, abs=1e-4)
    assert found.volume_cm3 == pytest.approx(expected.volume_cm3, rel=1e-5)


@pytest.mark.parametrize(
    "registrations",
    [
        (link("old", "new", MOTION),),
        (link("new", "old", MOTION.inverse()),),
        (
            link("old", "MR", turned(3)),
            link("new", "MR", Affine(matrix=turned(3).matrix @ MOTION.inverse().matrix)),
        ),
        (link("old", "new", encoding(MOTION)),),
        (link("new", "old", encoding(MOTION.inverse())),),
        (
            link("old", "MR", encoding(shifted(5))),
            link("MR", "new", Affine(matrix=MOTION.matrix @ shifted(-5).matrix)),
        ),
    ],
    ids=["matrix", "given backwards", "two steps", "deformation", "deformation backwards", "mixed"],
)
def test_moved_dose_gives_the_curve_of_the_unmoved(registrations: tuple[Registration, ...]) -> None:
    """The same linear dose in the structure's frame and, moved, in another."""
    expected = curve_of(linear_dose("old"), structure("old"))
    found = curve_of(linear_dose("new", MOTION), structure("old"), *registrations)
    assert_same_curve(found, expected)


@pytest.mark.parametrize("transform", [MOTION, encoding(MOTION)], ids=["matrix", "deformation"])
def test_structure_in_the_source_and_dose_in_the_registered_frame(transform: Transform) -> None:
    """A deformable registration maps registered to source: here its inverse takes points to the dose."""
    dose = linear_dose("registered")
    expected = curve_of(linear_dose("source", MOTION), structure("source"))
    found = curve_of(dose, structure("source"), link("registered", "source", transform))
    assert_same_curve(found, expected)


def test_a_matrix_turned_the_wrong_way_is_another_curve() -> None:
    """What the tests above would catch."""
    expected = curve_of(linear_dose("old"), structure("old"))
    wrong = curve_of(linear_dose("new", MOTION), structure("old"), link("old", "new", MOTION.inverse()))
    assert abs(wrong.mean_gy - expected.mean_gy) > 0.5


@pytest.mark.parametrize("backwards", [False, True])
def test_beyond_the_displacements_no_dose_is_known(backwards: bool) -> None:
    """Displacements end at x = 5, or a step before: the rest of the sphere is not covered, none is 0 Gy."""
    known = encoding(shifted(0, 3, 0), low=-40, high=5)
    registered = link("new", "old", known) if backwards else link("old", "new", known)
    dose = make_dose(field=lambda x, y, z: 60 + 0 * x, lattice=LATTICE, frame_uid="new")
    curve = dvh(dose, structure("old"), frames=Frames(registrations=(registered,)))
    assert 0.25 < curve.uncovered_cm3 / curve.volume_cm3 < 0.75
    with pytest.raises(NotCoveredError):
        _ = curve.mean_gy
    covered = curve.covered_part
    assert (covered.min_gy, covered.max_gy) == (pytest.approx(60), pytest.approx(60))


@pytest.mark.parametrize("backwards", [False, True])
def test_displacements_elsewhere_cover_nothing(backwards: bool) -> None:
    far = encoding(shifted(0, 3, 0), low=40, high=75)
    registered = link("new", "old", far) if backwards else link("old", "new", far)
    curve = dvh(linear_dose("new"), structure("old"), frames=Frames(registrations=(registered,)))
    assert curve.covered_cm3 == 0
    assert curve.uncovered_cm3 == pytest.approx(curve.volume_cm3)


@pytest.mark.parametrize(
    "registration",
    [
        link("old", "new", MOTION),
        link("old", "new", encoding(MOTION)),
        link("new", "old", encoding(MOTION.inverse())),
    ],
    ids=["matrix", "deformation", "deformation backwards"],
)
def test_hot_voxel_is_found_through_a_registration(registration: Registration) -> None:
    """4 Gy everywhere but in one voxel of 10: cells of 3 mm lie around it before they are divided."""
    axis = np.arange(-90.0, 91, 2.5)
    lattice = Lattice(x_mm=axis, y_mm=axis, z_mm=axis)
    gy = np.full(lattice.shape_zyx, 4.0)
    gy[39, 34, 41] = 10.0  # at x, y, z = 12.5, -5, 7.5
    dose = DoseGrid.from_array(lattice, gy, frame_uid="new")
    curve = dvh(dose, structure("old"), frames=Frames(registrations=(registration,)))
    assert curve.max_gy == pytest.approx(10.0, abs=0.06)
    assert curve.min_gy == pytest.approx(4.0, abs=1e-6)
    assert curve.uncovered_cm3 == 0


def test_registered_and_unregistered_doses_add() -> None:
    """Half of a linear dose in the structure's frame and half of it, moved, in another: the whole."""
    half = [replace(linear_dose("old"), scaling_gy=0.5, uid="1"), linear_dose("new", MOTION)]
    half[1] = replace(half[1], scaling_gy=0.5, uid="2")
    ledger = Ledger.from_doses([(half[0], 30), (half[1], 30)], together=[(0, 1)])
    frames = Frames(registrations=(link("old", "new", encoding(MOTION)),))
    found = accumulate(ledger, structure("old"), Physical(), frames=frames)
    expected = dvh(linear_dose("old"), structure("old"))
    assert found.mean_gy == pytest.approx(expected.mean_gy, abs=1e-4)
    assert found.dose_at_volume(0.03) == pytest.approx(expected.dose_at_volume(0.03), abs=5e-3)


def test_a_registered_case_takes_about_as_long_as_any() -> None:
    """Within twice the time; three times here, for what else the machine does."""
    where = structure("old")
    frames = Frames(registrations=(link("old", "new", MOTION),))
    doses: dict[str, Any] = {"old": linear_dose("old"), "new": linear_dose("new", MOTION)}
    best = dict.fromkeys(doses, math.inf)
    for _ in range(5):
        for frame_uid, dose in doses.items():
            begun = time.perf_counter()
            cell_doses(where, (dose,), frames=frames)
            best[frame_uid] = min(best[frame_uid], time.perf_counter() - begun)
    assert best["new"] < 3 * best["old"]


def test_box_in_a_dose_of_its_own_frame_needs_no_registration() -> None:
    dose = make_dose(field=lambda x, y, z: 40 + x, frame_uid="old")
    box = make_box(frame_uid="old")
    assert dvh(dose, box, frames=Frames()).mean_gy == pytest.approx(40, abs=2e-3)
    assert describe(IDENTITY) == "the identity"
