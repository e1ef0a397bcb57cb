"""Plan values of the fields that manifests of several kinds share. ``manifest_load`` and ``resources`` call it.

It trusts the form of its blocks: they were checked against the table.
"""

from __future__ import annotations

from gristmill.plan.cluster import ClusterOptions, EnvVariable, Pairs, PodOptions, Toleration
from gristmill.plan.job import Output, OutputMode, Store
from gristmill.plan.manifest_yaml import Block
from gristmill.plan.schema import Column, Schema
from gristmill.plan.source import FileSource, Format

NOTHING = Block("", {})


def file_source(block: Block) -> FileSource:
    """The files that a block with ``uri`` or ``uris`` and ``format`` names."""
    csv: Block = block.get("csv", NOTHING)
    return FileSource(
        uris=(block["uri"],) if "uri" in block else tuple(block["uris"]),
        format=Format(block["format"]),
        whole=block.get("whole", False),
        header=csv.get("header", True),
        delimiter=csv.get("delimiter", ","),
        quote=csv.get("quote", '"'),
        null=csv.get("nullText", ""),
        newlines=csv.get("newlines", True),
        schema=schema(block),
        hive=block.get("hive", True),
        unify=block.get("unify", False),
        split_bytes=block.get("splitSize"),
    )


def schema(block: Block) -> Schema | None:
    """The columns that a block declares, or None."""
    if "schema" not in block:
        return None
    return tuple(Column(column["name"], column["type"]) for column in block["schema"])


def output(block: Block, name: str = "") -> Output:
    """The output of that name that a block describes."""
    return Output(
        uri=block["uri"],
        name=name,
        format=Format(block.get("format", "parquet")),
        mode=OutputMode(block.get("mode", "error")),
        compression=block.get("compression", ""),
        partition_by=tuple(block.get("partitionBy", ())),
    )


def store(block: Block) -> Store:
    """The store that a block describes."""
    return Store(
        prefix=block["prefix"],
        endpoint=block.get("endpoint", ""),
        region=block.get("region", ""),
        path_style=block.get("pathStyle", False),
        anonymous=block.get("anonymous", False),
        secret=block["secretRef"]["name"] if "secretRef" in block else "",
    )


def cluster_options(metadata: Block, spec: Block) -> ClusterOptions:
    """What a job or query says to a cluster."""
    return ClusterOptions(
        pool=spec.get("pool", ""),
        workers=spec.get("workers"),
        pod=pod_options(spec),
        ttl_s=spec.get("ttlSecondsAfterFinished"),
        suspend=spec.get("suspend", False),
        cancel=spec.get("cancel", False),
        managed_by=spec.get("managedBy", ""),
        namespace=metadata.get("namespace", ""),
        annotations=pairs(metadata, "annotations"),
    )


def pod_options(spec: Block) -> PodOptions:
    """What a job, query or pool says of its pods."""
    resources: Block = spec.get("resources", NOTHING)
    pod: Block = spec.get("pod", NOTHING)
    return PodOptions(
        requests=pairs(resources, "requests"),
        limits=pairs(resources, "limits"),
        labels=pairs(pod, "labels"),
        annotations=pairs(pod, "annotations"),
        node_selector=pairs(pod, "nodeSelector"),
        tolerations=tuple(_toleration(block) for block in pod.get("tolerations", ())),
        service_account=pod.get("serviceAccountName", ""),
        priority_class=pod.get("priorityClassName", ""),
        image_pull_secrets=tuple(block["name"] for block in pod.get("imagePullSecrets", ())),
        env=tuple(_env(block) for block in pod.get("env", ())),
        cache_claim=pod.get("cacheClaim", ""),
    )


def pairs(block: Block, name: str) -> Pairs:
    """Names and values of a map of text."""
    return tuple(block.get(name, {}).items())


def _toleration(block: Block) -> Toleration:
    return Toleration(
        key=block.get("key", ""),
        operator=block.get("operator", "Equal"),
        value=block.get("value", ""),
        effect=block.get("effect", ""),
        seconds=block.get("tolerationSeconds"),
    )


def _env(block: Block) -> EnvVariable:
    secret: Block = block.get("valueFrom", NOTHING).get("secretKeyRef", NOTHING)
    return EnvVariable(block["name"], block.get("value", ""), secret.get("name", ""), secret.get("key", ""))
