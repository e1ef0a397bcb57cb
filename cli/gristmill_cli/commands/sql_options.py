"""The options of ``gristmill sql`` that no other command has. Imports nothing of the engine: ``--help`` needs none."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gristmill_cli.options import Mode

_TABLE_HELP = "A table of the query: files by URI or glob. May be given many times."
_PARAM_HELP = "Value of the next ? (or $1), or NAME=VALUE for $NAME. Numbers, true, false and null are what they say."

QueryText = Annotated[
    str | None,
    typer.Argument(
        metavar="QUERY", help="The query; without it, and without -f, a prompt opens, or it is read from stdin."
    ),
]
QueryFile = Annotated[Path | None, typer.Option("-f", "--file", metavar="PATH", help="Read the query from this file.")]
Tables = Annotated[list[str] | None, typer.Option("--table", "-t", metavar="NAME=URI", help=_TABLE_HELP)]
CatalogFile = Annotated[
    Path | None, typer.Option("--catalog", metavar="FILE", help="Tables, views and stores from a YAML file.")
]
Params = Annotated[list[str] | None, typer.Option("--param", "-p", metavar="VALUE", help=_PARAM_HELP)]
Dialect = Annotated[
    str, typer.Option("--dialect", metavar="NAME", help="SQL dialect of the query, as sqlglot names it.")
]
EmitManifests = Annotated[
    bool, typer.Option("--emit-manifests", help="Print the chain as MapReduceJobs for run and kubectl apply.")
]
To = Annotated[str | None, typer.Option("--to", metavar="URI", help="Write the rows there, not to stdout.")]
ResultMode = Annotated[
    Mode, typer.Option("--mode", metavar="MODE", help=f"For a result that is there already: {', '.join(Mode)}.")
]
OnCluster = Annotated[
    bool | None, typer.Option("--cluster/--local", help="Run it on a cluster; kubectl gristmill sql always does.")
]
Pool = Annotated[str, typer.Option("--pool", metavar="NAME", help="With --cluster: a warm pool to run in.")]
Scratch = Annotated[
    str, typer.Option("--scratch", metavar="URI", help="With --cluster: where rows and logs lie meanwhile.")
]
Keep = Annotated[bool, typer.Option("--keep", help="With --cluster: leave the SQLQuery there.")]
