"""Checks of the namespace that jobs would run in: rights of the user, pods, pools, names, network policies."""

from __future__ import annotations

from collections.abc import Iterator

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.kinds import GROUP, Kind
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.status import status_of
from gristmill.errors import ClusterError
from gristmill.version import __version__
from gristmill.wire.versions import compatible
from gristmill_cli.health.findings import Finding, Verdict, fail, get_or_none, ok, warn
from gristmill_cli.health.installation import waiting_reason

_RIGHTS = (
    (Verdict.FAIL, "create", GROUP, "mapreducejobs", "", "you cannot submit jobs"),
    (Verdict.FAIL, "create", GROUP, "sqlqueries", "", "you cannot send queries"),
    (Verdict.FAIL, "watch", GROUP, "mapreducejobs", "", "you cannot follow jobs"),
    (Verdict.WARN, "patch", GROUP, "mapreducejobs", "", "you cannot cancel jobs"),
    (Verdict.WARN, "create", "", "pods", "portforward", "no rows without an output, no live progress, no logs"),
    (Verdict.WARN, "create", "", "configmaps", "", "you cannot submit code of more than 128 KiB"),
)
_ASK = "Ask for role edit in this namespace, and gristmill-results for rows, live progress and logs."
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_ENFORCING = ("calico", "cilium", "antrea", "weave", "kube-router", "kindnet", "ovn", "canal")
_PODS = "app.kubernetes.io/name=gristmill,app.kubernetes.io/component in (lead,worker)"


def check_rights(connection: Connection) -> Iterator[Finding]:
    """What the user may do in the namespace."""
    lacking = False
    for verdict, verb, group, resource, part, consequence in _RIGHTS:
        asked = {
            "namespace": connection.namespace,
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": part,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = connection.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        if not answer["status"].get("allowed"):
            lacking = True
            what = f"{resource}/{part}" if part else resource
            yield Finding(verdict, "your rights", f"you may not {verb} {what}: {consequence}", _ASK)
    if not lacking:
        yield ok("your rights", f"all that is needed in namespace {connection.namespace}")


def check_pods(connection: Connection) -> Iterator[Finding]:
    """Whether pods of pools that are there now can be scheduled and find their image."""
    pods = connection.get(f"/api/v1/namespaces/{connection.namespace}/pods", labelSelector=_PODS)["items"]
    reasons = [reason for pod in pods if (reason := waiting_reason(pod))]
    for reason in reasons:
        image = any(word in reason for word in _IMAGE)
        remedy = "Set workerImage and imagePullSecrets in the chart's values." if image else ""
        yield fail(
            "pods", reason, remedy or "kubectl describe pod says more; gristmill why JOB what it means for a job."
        )
    if not reasons:
        yield ok("pods", f"{len(pods)} of pools here, none stuck")


def check_pools(connection: Connection) -> Iterator[Finding]:
    """Whether the leads of warm pools answer, and fit this command."""
    for body in Resources(connection).list(Kind.POOL):
        subject, lead = str(ref_of(body)), str(status_of(body).get("lead") or "")
        if not status_of(body):
            yield fail(subject, "the operator has not seen it", "Is the operator running, and does it watch here?")
        elif not lead:
            yield ok(subject, "scaled to zero")
        else:
            yield _answering(Lead(connection, lead), subject)


def _answering(lead: Lead, subject: str) -> Finding:
    try:
        version = lead.version()
    except ClusterError as error:
        return fail(subject, f"its lead {lead.pod} cannot be reached: {error.reason}", f"kubectl logs {lead.pod} agent")
    if compatible(version, __version__):
        return ok(subject, f"its lead answers, version {version}")
    found = f"its lead is {version}, which does not fit this command, {__version__}"
    return fail(subject, found, "Upgrade the older of the two; a pool takes the new image when it is idle.")


def check_dns(connection: Connection) -> Iterator[Finding]:
    """Whether the cluster's own names are served: workers find their lead by name."""
    path = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
    slices = connection.get(path, labelSelector="kubernetes.io/service-name=kube-dns")["items"]
    endpoints = [each for slice_ in slices for each in slice_.get("endpoints") or ()]
    ready = sum(1 for each in endpoints if (each.get("conditions") or {}).get("ready") is not False)
    if ready:
        yield ok("names", f"kube-dns has {ready} ready")
    elif get_or_none(connection, "/api/v1/namespaces/kube-system/services/kube-dns") is None:
        yield warn(
            "names", "there is no service kube-dns; names may be served otherwise", "Workers need in-cluster DNS."
        )
    else:
        yield fail("names", "no pod of kube-dns is ready", "kubectl -n kube-system get pods -l k8s-app=kube-dns")


def check_policies(connection: Connection) -> Iterator[Finding]:
    """Whether something enforces network policies, as far as that can be seen."""
    sets = connection.get("/apis/apps/v1/daemonsets")["items"]
    found = sorted({word for each in sets for word in _ENFORCING if word in each["metadata"]["name"]})
    if found:
        yield ok("network policies", f"{', '.join(found)} can enforce them")
    else:
        yield warn(
            "network policies",
            "nothing here is known to enforce them: pools are guarded by certificates alone",
            "Use a network plugin that enforces them, such as Calico or Cilium.",
        )
