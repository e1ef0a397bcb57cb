"""Names, labels and ports that the operator's objects carry: the contract of docs/cluster.md as constants.

Pure text; everything of this package that makes or finds an object asks here.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum

GROUP = "gristmill.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
MANAGED_BY = "gristmill-operator"
MIRROR_OWNER = f"{GROUP}/query"
"""``spec.managedBy`` of a child MapReduceJob that only mirrors a job of a query's chain."""
AUTHORITY_ANNOTATION = f"{GROUP}/authority"
"""Of a pod: which certificate authority signed the certificate that it holds."""

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_COMPONENT = "app.kubernetes.io/component"
LABEL_JOB = f"{GROUP}/job"
LABEL_POOL = f"{GROUP}/pool"
LABEL_POOL_UID = f"{GROUP}/pool-uid"
LABEL_ROLE = f"{GROUP}/role"
LABEL_STAGE = f"{GROUP}/stage"

ZONE_LABEL = "topology.kubernetes.io/zone"
HOST_LABEL = "kubernetes.io/hostname"

_BASE_LIMIT = 50
_LABEL_LIMIT = 63


class Kind(StrEnum):
    """Kinds of resources that the operator looks after."""

    JOB = "MapReduceJob"
    QUERY = "SQLQuery"
    POOL = "WorkerPool"

    @property
    def plural(self) -> str:
        """As in the API's paths."""
        return f"{self.lower()[:-1]}ies" if self is Kind.QUERY else f"{self.lower()}s"

    @property
    def prefix(self) -> str:
        """What names of its objects begin with."""
        return {Kind.JOB: "mrj", Kind.QUERY: "gsql", Kind.POOL: "gpool"}[self]


class Role(StrEnum):
    """What a pod was made for; a hint for its place, not a limit."""

    LEAD = "lead"
    MAPPER = "mapper"
    REDUCER = "reducer"


def base_name(kind: Kind, name: str) -> str:
    """The name that all objects of the resource's pool begin with, at most 50 characters."""
    return _cut(f"{kind.prefix}-{name}", _BASE_LIMIT)


def child_name(query: str, job: str) -> str:
    """The mirror of one job of a query's chain."""
    return _cut(f"{query}-{job}", _LABEL_LIMIT)


def label_value(text: str) -> str:
    """``text`` where it may stand as a label's value, else cut and hashed."""
    return _cut(text, _LABEL_LIMIT)


def tls_name(base: str) -> str:
    """The Secret with a pool's certificates and token."""
    return f"{base}-tls"


def lead_name(base: str, number: int) -> str:
    """Pod name of a pool's lead; ``number`` counts them from 0."""
    return f"{base}-lead-{number}"


def worker_name(base: str, number: int) -> str:
    """Pod name of a worker; ``number`` counts them from 0."""
    return f"{base}-w-{number}"


def base_of(pod: str) -> str:
    """The base name of the pool that a pod's name says it is of; empty where it is the name of no such pod."""
    base, _, kind = pod.rpartition("-")[0].rpartition("-")
    return base if kind in ("lead", "w") else ""


def number_of(pod: str) -> int:
    """The number at the end of a pod's name; -1 where there is none."""
    tail = pod.rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1


def _cut(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: limit - 9].rstrip('-.')}-{mark}"
