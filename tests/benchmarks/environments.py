"""Programs to compare with, where they are: an environment for dicompyler-core, the plastimatch command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from clinical_case import cache_folder

DICOMPYLER = ("dicompyler-core==0.5.6", "pydicom==2.4.4", "numpy<3", "matplotlib<4", "six<2")


class NotHere(Exception):
    """A program that cannot be compared with on this machine, and why."""


def dicompyler_python() -> Path:
    """The interpreter of an environment that holds dicompyler-core, made where it is not there yet.

    Raises
    ------
    NotHere : if it cannot be installed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache_folder() / f"dicompyler-core-0.5.6-python{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = folder / "ready"
    if not ready.exists():
        print(f"making an environment for dicompyler-core in {folder}")
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *DICOMPYLER],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NotHere(f"pip could not install it: {done.stderr.strip()[-300:]}")
        ready.touch()
    return python


def plastimatch() -> str:
    """Version of the plastimatch command.

    Raises
    ------
    NotHere : if there is no such command.
    """
    if shutil.which("plastimatch") is None:
        raise NotHere("there is no such command (Debian package: plastimatch)")
    done = subprocess.run(["plastimatch", "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip()
