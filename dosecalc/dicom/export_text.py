"""What an exported dose says of itself in words."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import assert_never

from dosecalc.dosemap import DoseMap
from dosecalc.quantities import Bed, Eqd2, Lq, LqL, LqRepair, Model, PerFraction, Physical, Quantity

MOST_LONG_STRING = 64
"""Characters of the value representation LO (PS3.5 6.2)."""
MOST_LONG_TEXT = 10240
"""Characters of the value representation LT."""
_NOT_PHYSICAL = "NOT PHYSICAL DOSE"


class Identity(enum.Enum):
    """What a file that is written says of the patient."""

    COPIED = "name, ID, birth date and study as in the file it is made like"
    EMPTY = "none of them; UIDs still lead to the files it was made from"


def series_description(dose: DoseMap) -> str:
    """SeriesDescription: what planning systems show in their lists."""
    what = _quantity(dose.quantity)
    if isinstance(dose.quantity, Bed | Eqd2):
        return _short([*_state(dose), what, _NOT_PHYSICAL])
    plans = len(dose.fractions)
    return _short([*_state(dose), f"{what}, sum of {plans} plan{'s' if plans > 1 else ''}"])


def dose_comment(dose: DoseMap, version: str) -> str:
    """DoseComment: quantity, model, a/b, fractions, recovery and version, as far as 64 characters go."""
    parts = [*_state(dose), f"{_quantity(dose.quantity)}{_model(dose.quantity)}"]
    if dose.uncovered_voxels:
        parts.append(f"at least: {dose.uncovered_cm3:.1f} cm3 not covered")
    parts.append("+".join(_count(n) for _, n in dose.fractions) + " fx")
    if isinstance(dose.quantity, Bed | Eqd2):
        parts.append("no recovery")
    return _short([*parts, f"dosecalc {version}"])


def image_comments(dose: DoseMap, version: str, identity: Identity) -> str:
    """ImageComments: all of it, a line each. Texts of others may name the patient: none without identity."""
    text = "\r\n".join(_printable(line) for line in _lines(dose, version, identity))
    return text if len(text) <= MOST_LONG_TEXT else text[: MOST_LONG_TEXT - 3] + "..."


def _lines(dose: DoseMap, version: str, identity: Identity) -> Iterator[str]:
    yield f"{_quantity(dose.quantity)}{_model(dose.quantity)}, summed at each voxel over all sessions."
    if isinstance(dose.quantity, Bed | Eqd2):
        yield f"{_NOT_PHYSICAL}: an effect, which must not be added to doses or entered into a plan."
        yield "Doses of one session add before the model, effects of sessions after it. Recovery: none."
    for reason in dose.left_out if identity is Identity.COPIED else ():
        yield f"INCOMPLETE, not in it: {reason}"
    if dose.left_out and identity is Identity.EMPTY:
        yield "INCOMPLETE; what is not in it is not named in a file without identity."
    yield from _coverage(dose)
    yield from (f"Plan {uid}: {_count(n)} fractions" for uid, n in dose.fractions)
    yield from (f"From dose {each.uid}" for each in dose.doses)
    yield from (f"Note: {note}" for note in (dose.notes if identity is Identity.COPIED else ()))
    yield f"dosecalc {version}: an independent calculation, not a medical device."


def _coverage(dose: DoseMap) -> Iterator[str]:
    voxels, cm3 = dose.uncovered_voxels, dose.uncovered_cm3
    if not voxels:
        yield "Uncovered: 0 voxels; every dose reaches every voxel."
        return
    yield (
        f"AT LEAST: {voxels} of {dose.covered.size} voxels ({cm3:.1f} cm3) are not reached by every dose; "
        "they hold what reaches them, which is less than what was given."
    )
    short = (d for d in dose.doses if d.uncovered_voxels)
    yield from (f"Dose {d.uid} does not reach {d.uncovered_voxels} voxels." for d in short)


def _state(dose: DoseMap) -> list[str]:
    return ["INCOMPLETE"] if dose.left_out else []


def _quantity(quantity: Quantity) -> str:
    match quantity:
        case Physical():
            return "Physical dose"
        case PerFraction():
            return "Dose per session"
        case Bed(alpha_beta_gy=alpha_beta_gy):
            return f"BED a/b {alpha_beta_gy:g} Gy"
        case Eqd2(alpha_beta_gy=alpha_beta_gy):
            return f"EQD2 a/b {alpha_beta_gy:g} Gy"
        case _:
            assert_never(quantity)


def _model(quantity: Quantity) -> str:
    if not isinstance(quantity, Bed | Eqd2):
        return ""
    model: Model = quantity.model
    match model:
        case Lq():
            return " LQ"
        case LqL(threshold_gy=threshold_gy, gamma_over_alpha_gy=slope):
            return f" LQ-L {threshold_gy:g} Gy, {slope:g}"
        case LqRepair(half_time_h=half_time_h):
            return f" LQ repair {half_time_h:g} h"
        case _:
            assert_never(model)


def _short(parts: list[str]) -> str:
    """As many of the parts, the first ones first, as fit into a long string."""
    for count in range(len(parts), 0, -1):
        text = ", ".join([*parts[:count], *(["..."] if count < len(parts) else [])])
        if len(text) <= MOST_LONG_STRING:
            break
    return _printable(text[:MOST_LONG_STRING]).replace("\\", "/")


def _count(fractions: Decimal) -> str:
    return f"{fractions.normalize():f}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
