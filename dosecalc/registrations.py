"""Registrations between frames of reference, and the way from one frame to another."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dosecalc.errors import FrameError
from dosecalc.transforms import Transform, chained, describe, same, unrigid


class Kind(enum.Enum):
    """What the source of a registration says it is; what it is, its transform tells."""

    RIGID = "RIGID"
    RIGID_SCALE = "RIGID_SCALE"
    AFFINE = "AFFINE"
    DEFORMABLE = "DEFORMABLE"
    UNSTATED = "UNSTATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A map of points from one frame of reference into another.

    Parameters
    ----------
    from_uid, to_uid : the frames, by their UIDs
    transform : maps points of ``from_uid`` into ``to_uid``
    uid : SOP Instance UID of the registration, where it has one
    source : where it was read, relative to the case folder
    kind : what the source says it is
    notes : what the reader noticed

    Raises
    ------
    FrameError : if a frame has no UID, or both are one.

    Examples
    --------
    >>> import numpy as np
    >>> from dosecalc.transforms import Affine
    >>> grows = Affine(matrix=np.diag([1.02, 1.02, 1.0, 1.0]))
    >>> print(*Registration(from_uid="1.2", to_uid="1.9", transform=grows, source="R.dcm").remarks())
    registration R.dcm from frame of reference 1.2 into 1.9: not rigid: scaled by 1.0200, 1.0200 and 1.0000
    """

    from_uid: str
    to_uid: str
    transform: Transform
    uid: str = ""
    source: str = ""
    kind: Kind = Kind.UNSTATED
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.from_uid and self.to_uid) or self.from_uid == self.to_uid:
            frames = f"{self.from_uid or 'none'} and {self.to_uid or 'none'}"
            raise FrameError(f"{self.name}: expected two frames of reference, found {frames}")

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"registration {self.source or self.uid or '(no UID)'}"

    def remarks(self) -> tuple[str, ...]:
        """What a person should know of it: in which ways it is not rigid, and what the reader noticed."""
        of = f"{self.name} from frame of reference {self.from_uid} into {self.to_uid}"
        not_rigid = (f"not rigid: {text}" for text in unrigid(self.transform))
        return tuple(f"{of}: {text}" for text in (*not_rigid, *self.notes))


class Direction(enum.Enum):
    """Which way a registration is gone."""

    FORWARD = "forward"
    INVERSE = "inverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One registration on the way from frame to frame, as it stands or backwards."""

    registration: Registration
    direction: Direction

    @property
    def from_uid(self) -> str:
        forward = self.direction is Direction.FORWARD
        return self.registration.from_uid if forward else self.registration.to_uid

    @property
    def to_uid(self) -> str:
        forward = self.direction is Direction.FORWARD
        return self.registration.to_uid if forward else self.registration.from_uid

    @property
    def transform(self) -> Transform:
        transform = self.registration.transform
        return transform if self.direction is Direction.FORWARD else transform.inverse()

    def __str__(self) -> str:
        what = f"{self.registration.name} ({describe(self.registration.transform)})"
        way = what if self.direction is Direction.FORWARD else f"the inverse of {what}"
        return f"from frame of reference {self.from_uid} into {self.to_uid} by {way}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPath:
    """No registration leads from one frame to the other; ``touching`` those that start from either."""

    from_uid: str
    to_uid: str
    touching: tuple[Registration, ...] = ()

    def __str__(self) -> str:
        wanted = (
            f"no registration links frame of reference {self.from_uid} with {self.to_uid}; "
            "add the Spatial Registration (REG) object that does"
        )
        links = "; ".join(f"{r.name} links {r.from_uid} with {r.to_uid}" for r in self.touching)
        return f"{wanted}, or one that joins up with what there is: {links}" if links else wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What is known of how frames of reference lie to each other.

    Examples
    --------
    >>> import numpy as np
    >>> from dosecalc.transforms import Affine, apply
    >>> matrix = np.eye(4)
    >>> matrix[0, 3] = 5.0
    >>> shift = Affine(matrix=matrix)
    >>> frames = Frames(registrations=(
    ...     Registration(from_uid="CT 1", to_uid="MR", transform=shift, source="a.dcm"),
    ...     Registration(from_uid="CT 2", to_uid="MR", transform=shift.inverse(), source="b.dcm")))
    >>> apply(frames.path("CT 1", "CT 2"), np.zeros((1, 3))).tolist()
    [[10.0, 0.0, 0.0]]
    >>> print(frames.route("CT 1", "CT 2")[1])
    from frame of reference MR into CT 2 by the inverse of registration b.dcm
    (rigid: turned by 0.00 degrees, shifted by (-5.0, 0.0, 0.0) mm)
    """

    registrations: tuple[Registration, ...] = ()

    def path(self, from_uid: str, to_uid: str) -> Transform | NoPath:
        """The map from one frame into the other: identity within a frame, else along :meth:`route`.

        Raises
        ------
        FrameError : as :meth:`route`.
        """
        steps = self.route(from_uid, to_uid)
        return steps if isinstance(steps, NoPath) else chained(step.transform for step in steps)

    def route(self, from_uid: str, to_uid: str) -> tuple[Step, ...] | NoPath:
        """The registrations on the way from one frame into the other: as few as can be, forward or inverse.

        A frame without UID is the frame of whatever it meets: scripts and phantoms name none.

        Raises
        ------
        FrameError : if two registrations of one pair of frames on the way differ, or there are two ways
            of so few steps.
        """
        if from_uid == to_uid or not from_uid or not to_uid:
            return ()
        routes = self._shortest(from_uid, to_uid)
        if len(routes) > 1:
            ways = " and ".join(self._in_words(route) for route in routes)
            raise FrameError(
                f"frames {from_uid} and {to_uid}: expected one way of {len(routes[0]) - 1} registrations, "
                f"found {ways}"
            )
        if not routes:
            ends = {from_uid, to_uid}
            touching = tuple(r for r in self.registrations if ends & {r.from_uid, r.to_uid})
            return NoPath(from_uid=from_uid, to_uid=to_uid, touching=touching)
        return tuple(self._step(here, there) for here, there in pairwise(routes[0]))

    def _shortest(self, from_uid: str, to_uid: str) -> Sequence[tuple[str, ...]]:
        """The ways of fewest steps, as the frames on them; two of them at most."""
        reached: dict[str, list[tuple[str, ...]]] = {from_uid: [(from_uid,)]}
        seen = {from_uid}
        while reached and to_uid not in reached:
            further: dict[str, list[tuple[str, ...]]] = {}
            for here, routes in reached.items():
                for there in self._neighbours(here):
                    if there not in seen:
                        more = [(*route, there) for route in routes]
                        further[there] = (further.get(there, []) + more)[:2]
            seen.update(further)
            reached = further
        return reached.get(to_uid, [])

    def _neighbours(self, uid: str) -> list[str]:
        """Frames one registration away, each once."""
        pairs = [(r.from_uid, r.to_uid) for r in self.registrations if uid in (r.from_uid, r.to_uid)]
        return list(dict.fromkeys(there if here == uid else here for here, there in pairs))

    def _between(self, first: str, second: str) -> list[Registration]:
        return [r for r in self.registrations if {r.from_uid, r.to_uid} == {first, second}]

    def _step(self, from_uid: str, to_uid: str) -> Step:
        found = [
            Step(
                registration=r,
                direction=Direction.FORWARD if r.from_uid == from_uid else Direction.INVERSE,
            )
            for r in self._between(from_uid, to_uid)
        ]
        if not all(same(found[0].transform, other.transform) for other in found[1:]):
            raise FrameError(
                f"frames {from_uid} and {to_uid}: expected one registration, found {len(found)}: "
                + ", ".join(step.registration.source or step.registration.uid or "(no UID)" for step in found)
            )
        return found[0]

    def _in_words(self, route: tuple[str, ...]) -> str:
        """A way with the registrations that make it."""
        by = (
            " or ".join(r.source or r.uid or "(no UID)" for r in self._between(*pair))
            for pair in pairwise(route)
        )
        return f"{' - '.join(route)} ({', '.join(by)})"


ONE_FRAME = Frames()
