"""Runs that a command of another release made: one minor version apart works, more is refused before any pod."""

from __future__ import annotations

from gristmill.version import __version__
from gristmill.wire.versions import compatible
from gristmill_operator.policies.case import Case, Outcome, Pods
from gristmill_operator.status import BEGUN, Phase


def other_version(case: Case) -> Outcome | None:
    """Fails what has not begun; a run that goes on through an upgrade of the operator stays as it is."""
    theirs = case.resource.client
    if not theirs or compatible(theirs, __version__) or case.has_run or case.status.phase in BEGUN:
        return None
    message = (
        f"it was made by gristmill {theirs}, which does not fit this operator, {__version__}: one minor version apart "
        f"is accepted; upgrade the older of the two (pip install gristmill=={__version__}, or the chart)"
    )
    return Outcome(Phase.FAILED, "ClusterError", message, Pods.END)
