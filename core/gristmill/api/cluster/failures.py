"""What the API server and the way to it answer when they do not do what was asked, as errors for users.

The connection makes them; the one who asked says what it asked for.
"""

from __future__ import annotations

import json
from typing import Any

from gristmill.errors import ClusterError, GristmillError, InvalidPlan

_INSTALL = "Install Gristmill there: helm install gristmill charts/gristmill. gristmill doctor says what is missing."


class Unreachable(ClusterError):
    """Nobody answers, for now: whoever waits for something may try again."""


class Silent(Unreachable):
    """Nothing came for as long as the one who asked wanted to wait."""


class Missing(ClusterError):
    """What was named is not there."""


class NotInstalled(ClusterError):
    """The cluster does not know Gristmill's resources."""


class Taken(ClusterError):
    """The name is in use."""


class Forbidden(ClusterError):
    """The user may not do that."""


def status_failure(status: int, body: bytes, what: str, place: str) -> GristmillError:
    """The error for an answer of 400 or more; ``what`` was asked for (``create mapreducejobs``)."""
    form = _form(body)
    message = str(form.get("message") or body.decode("utf-8", "replace").strip() or f"HTTP {status}")
    match status:
        case 401:
            return Forbidden(
                "the cluster does not accept your credentials",
                place=place,
                remedy="They may have expired: log in again, then try kubectl auth whoami.",
            )
        case 403:
            return Forbidden(
                f"you may not {what}: {message}",
                place=place,
                remedy="Ask for rights in this namespace: role edit, and gristmill-results for rows and progress.",
            )
        case 404 if "details" not in form:
            return NotInstalled("Gristmill is not installed in this cluster", place=place, remedy=_INSTALL)
        case 404 if form["details"].get("kind") == "namespaces":
            name = form["details"].get("name", "")
            remedy = f"Name another with -n, or make it: kubectl create namespace {name}"
            return Missing(f"there is no namespace {name}", place=place, remedy=remedy)
        case 404:
            return Missing(message, place=place)
        case 409 if form.get("reason") == "AlreadyExists":
            return Taken(message, place=place)
        case 400 | 422:
            return InvalidPlan(_causes(form, message), place=place)
        case 429 | 500 | 502 | 503 | 504:
            return Unreachable(f"the API server is in trouble: {message}", place=place, remedy="Try again.")
    return ClusterError(f"{what} failed: {message}", place=place)


def transport_failure(error: Exception, server: str, place: str) -> ClusterError:
    """The error for a request that got no answer."""
    import urllib3

    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return Silent(f"{server} says nothing", place=place, remedy="Try again.")
    text = str(getattr(error, "reason", None) or error)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return ClusterError(
            f"the certificate of {server} is not signed by the authority that kubeconfig names",
            place=place,
            remedy="Fetch the kubeconfig anew; a proxy on the way may be the cause.",
        )
    if "ALERT" in text.upper() and "CERTIFICATE" in text.upper():
        return Forbidden(
            f"{server} does not accept your client certificate",
            place=place,
            remedy="It may have expired: fetch the kubeconfig anew.",
        )
    reason = text.rsplit(": ", 1)[-1]
    return Unreachable(
        f"{server} does not answer: {reason}",
        place=place,
        remedy="Is the cluster running, and the network (VPN, proxy) up? Another one: --context NAME.",
    )


def _form(body: bytes) -> dict[str, Any]:
    try:
        form = json.loads(body)
    except ValueError:
        return {}
    return form if isinstance(form, dict) else {}


def _causes(form: dict[str, Any], message: str) -> str:
    """What a schema or a rule of the CRD finds wrong, a line each with its field."""
    causes = (form.get("details") or {}).get("causes") or []
    lines = [f"{cause.get('field', '')}: {cause.get('message', '')}".removeprefix(": ") for cause in causes]
    if not lines:
        return message
    return lines[0] if len(lines) == 1 else "\n  ".join([f"{len(lines)} problems", *lines])
