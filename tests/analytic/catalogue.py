"""Every solid of the bench."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from analytic.across import cone_across, cylinder_across, ellipsoid, lens_across, tilted_box
from analytic.branches import peanut, shell, torus, torus_across, two_spheres, y_vessel
from analytic.outlines import area_mm2
from analytic.solids import (
    L_MM,
    SHOE_MM,
    SHOE_RAD,
    SMALL_MM3,
    AnalyticSolid,
    capsule,
    cone,
    cylinder,
    dome,
    egg,
    horseshoe,
    hourglass,
    l_shape,
    lens,
    prism,
    ring,
    sphere,
    star,
    twisted,
)
from analytic.tubes import bent_tube, bow, tilted_capsule, tube


@cache
def all_solids() -> tuple[AnalyticSolid, ...]:
    """Every solid of the bench; those below 1.1 cm3 that are no tubes are of the family "small"."""
    found = [*_regular(), *_holes_parts_branches(), *_tubes(), *_small()]
    return tuple(
        replace(s, family="small") if s.volume_mm3 < SMALL_MM3 and s.family not in ("tube", "branch") else s
        for s in found
    )


def _regular() -> list[AnalyticSolid]:
    l_area = area_mm2(L_MM)
    star_area = area_mm2(star(0)[0])
    shoe_area = float(SHOE_RAD / 2 * (SHOE_MM[1] ** 2 - SHOE_MM[0] ** 2))
    return [
        sphere(10.0),
        sphere(17.3),
        sphere(30.0),
        sphere(89.47).but(spacings_mm=(2.0, 5.0)),
        cylinder(12.0, 30.0),
        cylinder(25.0, 60.0),
        cylinder_across(11.0, 34.0),
        cylinder_across(14.0, 25.0).but(yaw_deg=33.0),
        cone(15.0, 30.0),
        cone(18.0, 30.0, top_mm=6.0),
        cone_across(14.0, 36.0),
        cone_across(15.0, 30.0).but(yaw_deg=57.0),
        ellipsoid((14.0, 9.0, 20.0)),
        ellipsoid((21.0, 16.0, 12.0)).but(yaw_deg=20.0),
        ellipsoid((8.0, 12.0, 22.0), tilt_deg=35.0, roll_deg=20.0),
        ellipsoid((18.0, 16.0, 6.0), tilt_deg=50.0, roll_deg=-30.0),
        ellipsoid((9.0, 11.0, 21.0), bend_per_mm=0.02),
        egg(12.0, 16.0),
        hourglass(13.0, 8.0, 30.0),
        lens(30.0, 14.0),
        lens_across(26.0, 16.0),
        dome(15.0),
        tilted_box((18.0, 22.0, 26.0), tilt_deg=30.0),
        tilted_box((16.0, 24.0, 20.0), tilt_deg=40.0, roll_deg=35.0).but(yaw_deg=10.0),
        prism("box", lambda _: [np.array([[-9.0, -7.0], [9.0, -7.0], [9.0, 7.0], [-9.0, 7.0]])], area=252.0),
        prism("L", l_shape, area=l_area),
        prism("L", l_shape, area=l_area, top=0.4),
        prism("star", star, area=star_area),
        prism("star", star, area=star_area, top=0.5).but(yaw_deg=15.0),
        prism("horseshoe", horseshoe, area=shoe_area),
        prism("horseshoe", horseshoe, area=shoe_area, top=0.6),
        twisted(16.0, 9.0, 60.0),
    ]


def _holes_parts_branches() -> list[AnalyticSolid]:
    return [
        shell(15.0, 9.0),
        shell(14.0, 8.0).but(name="shell 14 - 8 by keyhole", in_one_loop=True),
        shell(18.0, 15.0),
        shell(20.0, 7.0, offset_xz_mm=(6.0, 5.0)),
        torus(14.0, 7.0),
        torus(16.0, 6.5).but(in_one_loop=True, name="torus 16, 6.5 by keyhole"),
        prism("pipe", ring(13.0, 8.0), area=np.pi * (169 - 64)).but(family="holes"),
        prism("pipe", ring(13.0, 9.0), area=np.pi * (169 - 81), top=0.6).but(
            family="holes", in_one_loop=True
        ),
        two_spheres((9.0, 11.0), ((-12.0, -2.0), (12.0, 3.0))),
        two_spheres((10.0, 9.0), ((0.0, -16.3), (3.0, 16.3))).but(name="spheres 10 and 9 stacked"),
        two_spheres((10.0, 8.0), ((-9.5, -14.3), (9.5, 12.3))).but(name="spheres 10 and 8, one higher"),
        two_spheres((13.0, 7.0), ((-9.0, -6.0), (13.0, 4.5))),
        torus_across(14.0, 5.0),
        torus_across(18.0, 6.0, half=True),
        peanut(11.0, 15.0),
        y_vessel(4.0, 25.0),
        y_vessel(7.0, 40.0).but(yaw_deg=30.0),
    ]


def _tubes() -> list[AnalyticSolid]:
    straight = [
        tube(radius, tilt).but(yaw_deg=yaw)
        for radius, yaw in ((1.5, 0.0), (2.0, 30.0), (3.0, 75.0), (4.0, 130.0))
        for tilt in (0.0, 20.0, 40.0, 55.0, 70.0)
    ]
    return [
        *straight,
        bent_tube(1.5, 22.0),
        bent_tube(2.5, 20.0).but(yaw_deg=40.0),
        bent_tube(4.0, 22.0).but(yaw_deg=100.0),
        bow(2.0, 4.0),
        bow(3.0, 10.0).but(yaw_deg=60.0),
        capsule(3.0, 24.0).but(family="tube"),
        tilted_capsule(2.0, 26.0, 30.0),
        tilted_capsule(3.0, 26.0, 50.0).but(yaw_deg=45.0),
    ]


def _small() -> list[AnalyticSolid]:
    return [
        sphere(2.0),
        sphere(3.0),
        sphere(4.2),
        sphere(6.2),
        ellipsoid((4.0, 6.0, 5.0)),
        ellipsoid((3.0, 4.0, 9.0), tilt_deg=40.0, roll_deg=10.0),
        cylinder(4.0, 15.0),
        cylinder_across(4.0, 14.0).but(yaw_deg=25.0),
        cone(6.0, 15.0),
        lens(12.0, 6.0),
        lens(8.0, 3.0),
        shell(6.2, 4.0),
        torus(6.0, 2.5),
        two_spheres((4.0, 5.0), ((-7.0, 1.0), (7.0, -2.0))),
    ]
