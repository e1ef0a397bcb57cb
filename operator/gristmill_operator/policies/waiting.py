"""Why pods do not run: the reasons of kubelet, scheduler and API server, each with its remedy, within seconds.

``waiting`` looks at all pods of a pool and names the worst; condition PodsReady shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill_operator.observed import VOLUME, ContainerView, Failure, PodView
from gristmill_operator.policies.reporting import shorten


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why something does not run: one word for programs, and for people what and what to do."""

    reason: str
    message: str


_IMAGE = "check the image's name and tag (code.image, or worker.image of the chart), and imagePullSecrets"
_START = "see `kubectl describe pod`; the image may not be Gristmill's"
_REMEDIES = {
    "ErrImagePull": ("ImagePullBackOff", _IMAGE),
    "ImagePullBackOff": ("ImagePullBackOff", _IMAGE),
    "ErrImageNeverPull": ("ImagePullBackOff", "load the image on the nodes, or let imagePullPolicy be IfNotPresent"),
    "InvalidImageName": ("InvalidImageName", "write the image as registry/name:tag"),
    "CreateContainerConfigError": (
        "CreateContainerConfigError",
        "make the Secret or ConfigMap that the message names, in the job's namespace; the pod then starts by itself",
    ),
    "CreateContainerError": (
        "CreateContainerError",
        _START,
    ),
    "RunContainerError": ("RunContainerError", _START),
}
OWN_SECRET = "PoolSecretMissing"
"""The pool's own Secret was taken away, before a pod had it."""
_UNSCHEDULABLE = (
    ("persistentvolumeclaim", "VolumeMissing", "make the PersistentVolumeClaim, or correct the pvc:// URI"),
    ("unbound immediate", "VolumeUnbound", "bind the PersistentVolumeClaim: it waits for a PersistentVolume"),
    (
        "persistentvolume's node affinity",
        "VolumeNodeUnavailable",
        "the node that holds the volume has no room or is cordoned: make room there or uncordon it",
    ),
    (
        "volume node affinity",
        "VolumeNodeUnavailable",
        "the node that holds the volume has no room or is cordoned: make room there or uncordon it",
    ),
    ("didn't match pod's node affinity/selector", "Unschedulable", "check pod.nodeSelector against the nodes' labels"),
    ("untolerated taint", "Unschedulable", "add pod.tolerations for the taint, or add nodes without it"),
    ("insufficient", "Unschedulable", "ask for less in resources.requests, or add nodes"),
)
_FORBIDDEN = (
    ("exceeded quota", "QuotaExceeded", "raise the ResourceQuota, lower resources or workers, or wait for other pods"),
    ("must specify", "QuotaExceeded", "the ResourceQuota wants requests and limits: set resources for both"),
    ("violates podsecurity", "PodSecurity", "the namespace forbids what spec.pod asks for; leave that out"),
    ("serviceaccount", "ServiceAccountMissing", "make the service account, or correct pod.serviceAccountName"),
    ("priorityclass", "PriorityClassMissing", "make the PriorityClass, or correct pod.priorityClassName"),
    ("limitrange", "LimitRange", "keep resources within the namespace's LimitRange"),
    ("maximum", "LimitRange", "keep resources within the namespace's LimitRange"),
    ("minimum", "LimitRange", "keep resources within the namespace's LimitRange"),
    ("being terminated", "NamespaceTerminating", "the namespace is being deleted"),
)


def waiting(pods: Sequence[PodView], failures: Sequence[Failure]) -> Waiting | None:
    """The first reason found, the lead's before the workers'; None where nothing is in the way."""
    for failure in failures:
        if failure.about == VOLUME:
            return _of_failure(failure)
    for pod in sorted(pods, key=lambda pod: (not pod.lead, pod.number)):
        if pod.usable and (found := _of_pod(pod)) is not None:
            return found
    return next((_of_failure(failure) for failure in failures), None)


def _of_pod(pod: PodView) -> Waiting | None:
    if pod.unschedulable:
        reason, remedy = classify(_UNSCHEDULABLE, pod.unschedulable) or ("Unschedulable", "see `kubectl describe pod`")
        return _waiting(reason, f"pod {pod.name} fits on no node: {pod.unschedulable}", remedy)
    for container in pod.containers:
        if (found := _of_container(pod, container)) is not None:
            return found
    return None


def _of_container(pod: PodView, container: ContainerView) -> Waiting | None:
    place = f"pod {pod.name}, container {container.name}"
    if container.waiting in _REMEDIES:
        reason, remedy = _REMEDIES[container.waiting]
        return _waiting(reason, f"{place}: {container.message or container.waiting}", remedy)
    if container.waiting != "CrashLoopBackOff":
        return None
    ended = f"ended {container.restarts} times, the last with {container.last_reason} (exit code {container.last_exit})"
    remedy = (
        "give it more memory"
        if container.last_reason == "OOMKilled"
        else f"see `kubectl logs {pod.name} -c {container.name} --previous`"
    )
    return _waiting("CrashLoopBackOff", f"{place} {ended}", remedy)


def _of_failure(failure: Failure) -> Waiting:
    return _waiting(failure.reason, failure.message, "")


def refusal(message: str) -> tuple[str, str]:
    """Reason and remedy of what the API server forbade."""
    return classify(_FORBIDDEN, message) or ("Forbidden", "see whether the operator's role and the namespace allow it")


def unmounted(message: str, own: str) -> tuple[str, str]:
    """Reason and remedy of a volume that the kubelet cannot mount, as its event says; ``own`` is the pool's Secret."""
    if f'secret "{own}" not found' in message:
        return OWN_SECRET, "the operator makes it again, and the pod then starts by itself"
    if "secret" in message.lower():
        return "SecretMissing", "make the Secret that stores[].secretRef names, in the job's namespace"
    if "configmap" in message.lower():
        return "ConfigMapMissing", "make the ConfigMap, in the job's namespace"
    return "FailedMount", "look at the volume and its claim"


def classify(rules: Sequence[tuple[str, str, str]], message: str) -> tuple[str, str] | None:
    """The first rule whose text occurs in ``message``."""
    lower = message.lower()
    return next(((reason, remedy) for text, reason, remedy in rules if text in lower), None)


def _waiting(reason: str, message: str, remedy: str) -> Waiting:
    return Waiting(reason, shorten(f"{message}; {remedy}" if remedy else message))
