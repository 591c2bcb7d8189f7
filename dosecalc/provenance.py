"""Where a result comes from, as data: versions, the protocol and its hash, and every file."""

from __future__ import annotations

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, version

from dosecalc.case import Case
from dosecalc.protocol import Protocol
from dosecalc.quantities import model_text


def versions(*packages: str) -> dict[str, str]:
    """Versions of installed packages, in the order asked for.

    >>> versions("no-such-package")
    {'no-such-package': 'not installed'}
    """
    return {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from its sources
        return "not installed"


def protocol_as_data(protocol: Protocol) -> dict[str, str]:
    """Which protocol it was, and the hash of its file.

    >>> from dosecalc.protocol import load_protocol
    >>> protocol_as_data(load_protocol("redefine"))["name"]
    'redefine'
    """
    return {
        "name": protocol.name,
        "title": protocol.title,
        "source": protocol.source,
        "file": protocol.path,
        "sha256": protocol.sha256,
    }


def alpha_beta_as_data(protocol: Protocol, names: Collection[str]) -> list[dict[str, object]]:
    """The a/b of some structures as the protocol has them, each with its source.

    >>> from dosecalc.protocol import load_protocol
    >>> (cord,) = alpha_beta_as_data(load_protocol("redefine"), {"SpinalCord"})
    >>> cord["alpha_beta_gy"], cord["source"]
    (2.0, '2 Gy as in Nieder 2006 and Sahgal 2012; QUANTEC fit 0.87')
    """
    return [
        {
            "structure": entry.name,
            "alpha_beta_gy": entry.alpha_beta_gy,
            "range_gy": list(entry.alpha_beta_range_gy) if entry.alpha_beta_range_gy else None,
            "model": model_text(entry.model),
            "endpoint": entry.endpoint,
            "source": entry.source,
        }
        for entry in protocol.structures
        if entry.name in names and entry.alpha_beta_gy is not None
    ]


def inputs_as_data(case: Case) -> list[dict[str, object]]:
    """Every file of a case with its hash, used or with the reason why not.

    >>> from dosecalc.casefile import read_case
    >>> inputs_as_data(read_case("sample_plans/redefine_compliant"))[0]["path"]
    'RD_boost.dcm'
    """
    return [
        {
            "path": f.path,
            "kind": f.kind,
            "uid": f.uid,
            "sha256": f.sha256,
            "used": f.used,
            "reason": f.reason,
        }
        for f in case.inputs
    ]
