"""``gristmill demo``: word count and a SQL query on real data, in worker processes, with everything shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill_cli.options import Memory

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.api.result import Result
    from gristmill.plan.job import ChainPlan
    from gristmill_cli.running import RunOptions

PARTITIONS = 4
SHOWN_ROWS = 10
WORD = re.compile(r"[a-z]+")
QUERY = """\
SELECT airlines.name AS airline, manufacturer, count(*) AS flights, round(avg(arr_delay), 1) AS mean_delay
FROM flights
JOIN planes ON flights.tailnum = planes.tailnum
JOIN airlines ON flights.carrier = airlines.carrier
GROUP BY airline, manufacturer
ORDER BY flights DESC, airline, manufacturer"""


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(demo)


def demo(
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where data and results go.")] = Path("out/demo"),
    *,
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="Worker processes.")] = 2,
    memory: Memory = "1GiB",
) -> None:
    """Count the words of Python's library, and query the flights of 2013, in worker processes."""
    from gristmill_cli.realdata import copy_python_sources, write_flights
    from gristmill_cli.running import RunOptions

    options = RunOptions(workers, memory, force_distributed=True)
    data = to / "data"
    typer.echo(
        f"Real data goes into {data}: the sources of Python's library, and the flights that left New York in 2013."
    )
    sources, flights = copy_python_sources(data / "python"), write_flights(data / "nycflights13")
    _count_words(sources, to / "wordcount", options)
    _query_flights(flights, to / "delays", options)


def _count_words(sources: Path, output: Path, options: RunOptions) -> None:
    import gristmill as gm

    job = gm.Job(
        "wordcount",
        input=gm.text(f"{sources}/**/*.py"),
        map=words,
        combine=total,
        reduce=total,
        partitions=PARTITIONS,
        output=gm.output(str(output), mode="overwrite"),
    )
    title = "Word count, as Python functions"
    result = _run(title, job.chain(), options)
    _show(result, result.arrow().sort_by([("value", "descending")]))


def _query_flights(flights: Path, output: Path, options: RunOptions) -> None:
    import gristmill as gm

    tables = {"flights": f"{flights}/flights/*.parquet"}
    tables |= {name: f"{flights}/{name}.parquet" for name in ("planes", "airlines")}
    query = replace(
        gm.sql(QUERY, tables=tables, partitions=PARTITIONS), outputs=(gm.output(str(output), mode="overwrite"),)
    )
    result = _run(f"The same engine, as SQL:\n\n{QUERY}", query.chain, options)
    _show(result, result.arrow())
    typer.echo(f"\nWhat the chain did (EXPLAIN ANALYZE):\n\n{result.analysis}")


def _run(title: str, chain: ChainPlan, options: RunOptions) -> Result:
    """Shows the chain, then runs it."""
    from gristmill_cli.running import explained, run_chain

    typer.echo(f"\n{title}\n\n{explained(chain, options)}\n")
    return run_chain(chain, options)


def _show(result: Result, rows: pa.Table) -> None:
    from gristmill_cli.formats import write_rows
    from gristmill_cli.options import OutputFormat
    from gristmill_cli.wording import place_text

    write_rows(rows.to_reader(), OutputFormat.TABLE, sys.stdout.buffer, shown=SHOWN_ROWS)
    typer.echo(f"All rows lie in {place_text(result.uri)}")


def words(file: str, line: str) -> Iterator[tuple[str, int]]:
    """Each word of a line, once."""
    for word in WORD.findall(line.lower()):
        yield word, 1


def total(word: str, counts: Iterator[int]) -> Iterator[tuple[str, int]]:
    """How often a word came."""
    yield word, sum(counts)
