"""Fields that only a cluster heeds: which pool a job runs in, and what the pods of its own pool look like.

A table like ``manifest_fields``; MapReduceJob, SQLQuery and WorkerPool share it.
"""

from __future__ import annotations

from gristmill.plan.fields import Field, Form, Kind, Record

RESOURCES = Record(
    "resources",
    (
        Field("requests", Kind.QUANTITIES, "Quantities that a pod asks for.", '{cpu: "2", memory: 4Gi}', cluster=True),
        Field("limits", Kind.QUANTITIES, "Quantities that a pod may not exceed.", "{memory: 4Gi}", cluster=True),
    ),
)
TOLERATION = Record(
    "toleration",
    (
        Field("key", Kind.TEXT, "The taint's key; without it, every taint.", "spot", "every key", cluster=True),
        Field(
            "operator",
            Kind.TEXT,
            "`Equal` compares the value, `Exists` does not.",
            "Exists",
            "Equal",
            choices=("Equal", "Exists"),
            cluster=True,
        ),
        Field("value", Kind.TEXT, "The taint's value.", '"true"', cluster=True),
        Field(
            "effect",
            Kind.TEXT,
            "The taint's effect; without it, every effect.",
            "NoSchedule",
            "every effect",
            choices=("NoSchedule", "PreferNoSchedule", "NoExecute"),
            cluster=True,
        ),
        Field(
            "tolerationSeconds",
            Kind.INTEGER,
            "How long a pod stays on a node that gets a NoExecute taint.",
            "60",
            "for ever",
            minimum=0,
            cluster=True,
        ),
    ),
)
SECRET_KEY_REF = Record(
    "secretKeyRef",
    (
        Field("name", Kind.TEXT, "Name of the Secret.", "api-keys", required=True, cluster=True, form=Form.NAME),
        Field("key", Kind.TEXT, "Key in it.", "token", required=True, cluster=True),
    ),
)
VALUE_FROM = Record(
    "valueFrom",
    (
        Field(
            "secretKeyRef",
            Kind.RECORD,
            "A key of a Secret of the same namespace.",
            "{name: api-keys, key: token}",
            required=True,
            record=SECRET_KEY_REF,
            cluster=True,
        ),
    ),
)
ENV = Record(
    "env",
    (
        Field("name", Kind.TEXT, "Name of the variable.", "LANG", required=True, cluster=True, form=Form.VARIABLE),
        Field("value", Kind.TEXT, "Its value.", '"C.UTF-8"', '""', cluster=True),
        Field(
            "valueFrom",
            Kind.RECORD,
            "Where its value comes from, where it is a secret.",
            "{secretKeyRef: {name: api-keys, key: token}}",
            record=VALUE_FROM,
            cluster=True,
        ),
    ),
    at_most_one=(("value", "valueFrom"),),
)
PULL_SECRET = Record(
    "imagePullSecret",
    (Field("name", Kind.TEXT, "Name of the Secret.", "registry", required=True, cluster=True, form=Form.NAME),),
)
POD = Record(
    "pod",
    (
        Field("labels", Kind.TEXT_MAP, "More labels.", "{cost-center: search}", "none", cluster=True, form=Form.LABELS),
        Field(
            "annotations",
            Kind.TEXT_MAP,
            "Annotations.",
            '{example.com/mesh: "off"}',
            "none",
            cluster=True,
            form=Form.ANNOTATIONS,
        ),
        Field(
            "nodeSelector",
            Kind.TEXT_MAP,
            "Labels that a node must have.",
            "{disk: nvme}",
            "none",
            cluster=True,
            form=Form.LABELS,
        ),
        Field(
            "tolerations",
            Kind.RECORDS,
            "Taints that the pods put up with.",
            "[{key: spot, operator: Exists}]",
            "none",
            record=TOLERATION,
            cluster=True,
        ),
        Field(
            "serviceAccountName",
            Kind.TEXT,
            "For identities of a cloud; no token of the cluster is mounted.",
            "shop-reader",
            "default",
            cluster=True,
            form=Form.NAME,
        ),
        Field(
            "priorityClassName",
            Kind.TEXT,
            "Priority of the pods.",
            "batch",
            "the cluster's",
            cluster=True,
            form=Form.NAME,
        ),
        Field(
            "imagePullSecrets",
            Kind.RECORDS,
            "Secrets for a private registry.",
            "[{name: registry}]",
            "none",
            record=PULL_SECRET,
            cluster=True,
            named_by="name",
        ),
        Field(
            "env",
            Kind.RECORDS,
            "Environment of the executors: of the job's own code.",
            "[{name: TZ, value: UTC}]",
            "none",
            record=ENV,
            cluster=True,
            named_by="name",
        ),
        Field(
            "cacheClaim",
            Kind.TEXT,
            "A PersistentVolumeClaim for cached blocks of remote files.",
            "block-cache",
            "an emptyDir",
            cluster=True,
            form=Form.NAME,
        ),
    ),
)

WORKERS_OF_A_POOL = (
    Field(
        "resources",
        Kind.RECORD,
        "Of the executor container of each pod, where the job's work is done.",
        "{limits: {memory: 4Gi}}",
        "the chart's",
        record=RESOURCES,
        cluster=True,
    ),
    Field(
        "pod",
        Kind.RECORD,
        "What the pods look like besides.",
        "{nodeSelector: {disk: nvme}}",
        "the chart's",
        record=POD,
        cluster=True,
    ),
)
"""What pods look like, in a pool of its own or a warm one."""

IN_A_POOL = (
    Field(
        "pool",
        Kind.TEXT,
        "A warm pool (WorkerPool) to run in.",
        "nightly",
        "a pool of its own",
        cluster=True,
        form=Form.NAME,
    ),
    Field(
        "workers",
        Kind.INTEGER,
        "At most so many worker pods in its own pool, beside the lead, which works too.",
        "8",
        "the chart's",
        minimum=0,
        cluster=True,
        changes=True,
    ),
    *WORKERS_OF_A_POOL,
    Field(
        "ttlSecondsAfterFinished",
        Kind.INTEGER,
        "Seconds after its end until it is deleted.",
        "3600",
        "kept",
        minimum=0,
        cluster=True,
        changes=True,
    ),
    Field("suspend", Kind.BOOLEAN, "It has no pods while this is true.", "true", "false", cluster=True, changes=True),
    Field(
        "cancel",
        Kind.BOOLEAN,
        "Ends it for good; what it had staged is dropped.",
        "true",
        "false",
        cluster=True,
        changes=True,
    ),
)
"""Where and whether a job or query runs."""
