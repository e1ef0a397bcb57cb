"""Makes the resources of a chain: all of them or none."""

from __future__ import annotations

from gristmill.api.cluster.bodies import Prepared
from gristmill.api.cluster.failures import Taken
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.errors import GristmillError, InvalidPlan
from gristmill.version import __version__
from gristmill.wire.versions import CLIENT_ANNOTATION


def submit(resources: Resources, prepared: list[Prepared]) -> list[Body]:
    """Makes each resource, with the ConfigMap of its code; what was made goes again if a later one is refused.

    Raises Taken where a name is in use, InvalidPlan with the rules that a resource breaks, and ClusterError.
    """
    made: list[Body] = []
    try:
        made.extend(_made(resources, each) for each in prepared)
    except GristmillError:
        for body in made:
            resources.delete(ref_of(body))
        raise
    return made


def target_namespace(prepared: list[Prepared], wanted: str, place: str) -> str:
    """The namespace that the bodies name, else ``wanted``; empty where neither says one.

    Raises InvalidPlan where they name several, or another than ``wanted``.
    """
    named = {str(each.body["metadata"].get("namespace") or wanted) for each in prepared}
    if len(named) > 1:
        raise InvalidPlan(f"its jobs are in several namespaces: {', '.join(sorted(named))}", place=place)
    namespace = next(iter(named), wanted)
    if wanted and namespace != wanted:
        reason = f"it says namespace {namespace}, -n says {wanted}"
        raise InvalidPlan(reason, place=place, remedy="Leave one of them out.")
    return namespace


def _made(resources: Resources, prepared: Prepared) -> Body:
    maps = f"/api/v1/namespaces/{resources.connection.namespace}/configmaps"
    if prepared.code is not None:
        resources.connection.create(maps, prepared.code)
    try:
        body = resources.create(_signed(prepared.body))
    except GristmillError as error:
        if prepared.code is not None:
            resources.connection.delete(f"{maps}/{prepared.code['metadata']['name']}")
        raise _explained(error, prepared.body) from None
    if prepared.code is not None:
        owned = {"metadata": {"ownerReferences": [_owner(body)]}}
        resources.connection.merge(f"{maps}/{prepared.code['metadata']['name']}", owned)
    return body


def _signed(body: Body) -> Body:
    """The resource with the version that makes it, by which the operator knows whether it fits."""
    metadata = body["metadata"]
    annotations = {**(metadata.get("annotations") or {}), CLIENT_ANNOTATION: __version__}
    return {**body, "metadata": {**metadata, "annotations": annotations}}


def _owner(body: Body) -> Body:
    metadata = body["metadata"]
    return {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }


def _explained(error: GristmillError, body: Body) -> GristmillError:
    """The error with the resource for its place, and what to do about a name in use."""
    ref = ref_of(body)
    if isinstance(error, Taken):
        remedy = f"Give yours another (--name), or remove that one: gristmill cancel --delete {ref}"
        return Taken(f"there is a {ref} already", place=error.place, remedy=remedy)
    if isinstance(error, InvalidPlan):
        return InvalidPlan(error.reason, place=str(ref), remedy=error.remedy)
    return error
