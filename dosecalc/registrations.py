"""Registrations between frames of reference, and the way from one frame to another."""

from __future__ import annotations

from dataclasses import dataclass

from dosecalc.errors import FrameError
from dosecalc.transforms import IDENTITY, Affine, Transform


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A map of points from one frame of reference into another."""

    from_uid: str
    to_uid: str
    transform: Affine
    uid: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPath:
    """No registration leads from one frame to the other."""

    from_uid: str
    to_uid: str

    def __str__(self) -> str:
        return (
            f"no registration links frame of reference {self.from_uid} with {self.to_uid}; "
            "add the Spatial Registration (REG) object that does"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """What is known of how frames of reference lie to each other."""

    registrations: tuple[Registration, ...] = ()

    def path(self, from_uid: str, to_uid: str) -> Transform | NoPath:
        """The map from one frame into the other: identity within a frame, a registration or its inverse.

        A frame without UID is the frame of whatever it meets: scripts and phantoms name none.

        Raises
        ------
        FrameError : if two registrations link the same two frames.
        """
        if from_uid == to_uid or not from_uid or not to_uid:
            return IDENTITY
        found = [r for r in self.registrations if {r.from_uid, r.to_uid} == {from_uid, to_uid}]
        if len(found) > 1:
            raise FrameError(
                f"frames {from_uid} and {to_uid}: expected one registration, found {len(found)}: "
                + ", ".join(r.source or r.uid for r in found)
            )
        if not found:
            return NoPath(from_uid=from_uid, to_uid=to_uid)
        transform = found[0].transform
        return transform if found[0].from_uid == from_uid else transform.inverse()


ONE_FRAME = Frames()
