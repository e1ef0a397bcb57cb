"""Manifest forms of the plan values that several kinds share: the inverse of ``manifest_parts``.

``manifest_dump`` and ``resources`` call it; what loading takes for granted is left out.
"""

from __future__ import annotations

from typing import Any

from gristmill.plan.cluster import ClusterOptions, EnvVariable, Pairs, PodOptions, Toleration
from gristmill.plan.job import Output, Store
from gristmill.plan.schema import Schema
from gristmill.plan.source import FileSource
from gristmill.units import format_duration, format_size

Form = dict[str, Any]


def dump_files(source: FileSource) -> Form:
    """The fields of an input from files."""
    one = len(source.uris) == 1
    form = given(
        uri=source.uris[0] if one else None,
        uris=None if one else list(source.uris),
        format=source.format.value,
        whole=source.whole,
        csv=_csv(source),
        unify=source.unify,
        splitSize=format_size(source.split_bytes) if source.split_bytes else None,
    )
    return form | dump_schema(source.schema) | ({} if source.hive else {"hive": False})


def _csv(source: FileSource) -> Form:
    written = {
        "header": source.header,
        "delimiter": source.delimiter,
        "quote": source.quote,
        "nullText": source.null,
        "newlines": source.newlines,
    }
    default = {"header": True, "delimiter": ",", "quote": '"', "nullText": "", "newlines": True}
    return {name: value for name, value in written.items() if value != default[name]}


def dump_schema(schema: Schema | None) -> Form:
    """The field ``schema``, where columns are declared."""
    if schema is None:
        return {}
    return {"schema": [{"name": column.name, "type": column.type} for column in schema]}


def dump_output(output: Output) -> Form:
    """An output, without its name."""
    return given(
        uri=output.uri,
        format=unless("parquet", output.format.value),
        mode=unless("error", output.mode.value),
        compression=output.compression,
        partitionBy=list(output.partition_by),
    )


def dump_store(store: Store) -> Form:
    """One of ``stores``."""
    return given(
        prefix=store.prefix,
        endpoint=store.endpoint,
        region=store.region,
        pathStyle=store.path_style,
        anonymous=store.anonymous,
        secretRef=given(name=store.secret),
    )


def dump_cluster(cluster: ClusterOptions) -> Form:
    """The fields of spec that say where and whether a job or query runs."""
    return given(
        pool=cluster.pool,
        workers=cluster.workers,
        **dump_pod(cluster.pod),
        ttlSecondsAfterFinished=cluster.ttl_s,
        suspend=cluster.suspend,
        cancel=cluster.cancel,
    )


def dump_pod(pod: PodOptions) -> Form:
    """The fields ``resources`` and ``pod`` of a job, query or pool."""
    return given(
        resources=given(requests=dict(pod.requests), limits=dict(pod.limits)),
        pod=given(
            labels=dict(pod.labels),
            annotations=dict(pod.annotations),
            nodeSelector=dict(pod.node_selector),
            tolerations=[_toleration(toleration) for toleration in pod.tolerations],
            serviceAccountName=pod.service_account,
            priorityClassName=pod.priority_class,
            imagePullSecrets=[{"name": name} for name in pod.image_pull_secrets],
            env=[_env(variable) for variable in pod.env],
            cacheClaim=pod.cache_claim,
        ),
    )


def _toleration(toleration: Toleration) -> Form:
    return given(
        key=toleration.key,
        operator=unless("Equal", toleration.operator),
        value=toleration.value,
        effect=toleration.effect,
        tolerationSeconds=toleration.seconds,
    )


def _env(variable: EnvVariable) -> Form:
    if variable.secret:
        reference = {"name": variable.secret, "key": variable.secret_key}
        return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}
    return {"name": variable.name, "value": variable.value}


def dump_metadata(name: str, namespace: str, labels: Pairs, annotations: Pairs) -> Form:
    """The metadata that a user writes."""
    return given(name=name, namespace=namespace, labels=dict(labels), annotations=dict(annotations))


def dump_duration(seconds: float | None) -> str | None:
    """A duration as text, where there is one."""
    return None if seconds is None else format_duration(seconds)


def unless(default: str, value: str) -> str | None:
    """``value``, or None where it is what loading assumes."""
    return None if value == default else value


def given(**fields: Any) -> Form:
    """The fields that say something: not None, false, or empty. Zero does."""
    return {name: value for name, value in fields.items() if value or (value == 0 and value is not False)}
