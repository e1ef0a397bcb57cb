"""Options that several commands share, so that they read alike everywhere."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """What ``-o`` may be. JSON is a line for each row; arrow is the IPC stream format."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"
    ARROW = "arrow"
    PARQUET = "parquet"


class ResourceFormat(StrEnum):
    """What ``-o`` may be where resources are shown, as in kubectl."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


class Mode(StrEnum):
    """What ``--mode`` may be: what becomes of a result that is there already."""

    ERROR = "error"
    OVERWRITE = "overwrite"
    APPEND = "append"


Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        min=1,
        metavar="N",
        help="Worker processes (a small input is worked through in this one); on a cluster, the most worker pods.",
    ),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="The most each worker may use with all its processes, as 1GiB."),
]
ForceDistributed = Annotated[
    bool, typer.Option("--force-distributed", help="Use worker processes even where this one would do.")
]
Format = Annotated[
    OutputFormat,
    typer.Option("-o", "--output", metavar="FORMAT", help=f"Format of the rows: {', '.join(OutputFormat)}."),
]
Explain = Annotated[bool, typer.Option("--explain", help="Show what would run, and run nothing.")]
Analyze = Annotated[
    bool, typer.Option("--analyze", help="Run it, and show the plan with what each stage did, not the rows.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary: rows and errors only.")]

Context = Annotated[
    str, typer.Option("--context", metavar="NAME", help="Context of kubeconfig; default: the current one.")
]
Namespace = Annotated[
    str, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace; default: that of the context.")
]
KubeConfig = Annotated[
    str, typer.Option("--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, else ~/.kube/config.")
]
Resource = Annotated[
    ResourceFormat, typer.Option("-o", "--output", metavar="FORMAT", help=f"One of {', '.join(ResourceFormat)}.")
]
