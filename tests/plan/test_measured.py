"""What EXPLAIN ANALYZE says of a stage, and that it is what the run counted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gristmill as gm
from gristmill.ids import Side, StageId
from gristmill.plan.measured import StageMeasure

MEASURE = StageMeasure(StageId("j", Side.MAP, "i"), 4, 400, 4096, 40, 512, 0, 2.0, 1.5, 0.6, 120, 0)


def test_an_even_stage_shows_rows_bytes_and_seconds_only() -> None:
    assert MEASURE.text() == ("400 rows (4.0 KiB) in; 40 rows (512 B) out; 2.00 s in tasks, 1.50 s of processor")


def test_skew_spill_and_retries_are_told_where_there_are_some() -> None:
    skewed = StageMeasure(StageId("j", Side.REDUCE, ""), 4, 400, 4096, 40, 512, 2 << 20, 2.0, 1.5, 1.5, 350, 0, 3)
    assert skewed.text().endswith(
        "; 2.0 MiB spilled; slowest task 1.50 s (3.0 times the mean); "
        "largest task 350 rows (3.5 times the mean); 3 tried again"
    )


def test_a_stage_without_tasks_has_no_skew() -> None:
    empty = StageMeasure(StageId("j", Side.MAP, "i"), 0, 0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0, 0)
    assert "times the mean" not in empty.text()


@pytest.mark.parametrize("distributed", [False, True])
def test_the_analysis_of_a_query_counts_what_every_stage_read_and_gave(tmp_path: Path, distributed: bool) -> None:
    pq.write_table(pa.table({"k": [n % 7 for n in range(1000)], "v": range(1000)}), tmp_path / "t.parquet")
    query = gm.sql(
        "SELECT k, sum(v) AS s FROM t GROUP BY k",
        tables={"t": tmp_path / "t.parquet"},
        workers=1,
        force_distributed=distributed,
        partitions=2,
    )
    text = query.analyze()
    maps, reduces = query.run().stages
    assert (maps.rows_in, maps.rows_out, reduces.rows_in, reduces.rows_out) == (1000, 7, 7, 7)
    assert text.count("measured") == 2
    assert "1,000 rows" in text
    assert "measured" not in query.explain()
