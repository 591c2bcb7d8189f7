"""Memory of a process and reports from one process to another: the standard library alone."""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def memory_bytes() -> int:
    """What the process holds now; where the system does not say, the most it ever held."""
    return _status_bytes("VmRSS") or _most_ever_bytes()


def peak_bytes() -> int:
    """The most that the process ever held."""
    # The resource counter of a child starts at its parent's: Linux' own figure does not.
    return _status_bytes("VmHWM") or _most_ever_bytes()


def _status_bytes(name: str) -> int:
    if not _STATUS.exists():
        return 0
    lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="ascii").splitlines())
    return 1024 * int(lines[name].split()[0])


def _most_ever_bytes() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def report(values: dict[str, Any]) -> None:
    """Hands results to the process that started this one: the last line on standard output."""
    print(json.dumps(values))
