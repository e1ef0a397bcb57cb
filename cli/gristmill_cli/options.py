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


Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", min=1, help="Worker processes, where the input is not so small that this one does it."
    ),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="SIZE", help="The most each worker may use with all its processes, as 1GiB."),
]
ForceDistributed = Annotated[
    bool, typer.Option("--force-distributed", help="Use worker processes even where this one would do.")
]
Format = Annotated[OutputFormat, typer.Option("-o", "--output", help="Format of the rows on stdout.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show what would run, and run nothing.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no summary: rows and errors only.")]
