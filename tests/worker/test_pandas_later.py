"""Executors put off the import of pandas; whoever uses it afterwards sees no difference."""

from __future__ import annotations

import subprocess
import sys

BEFORE = """
import sys
from gristmill.worker.pandas_later import import_pandas_later
import pyarrow as pa
import_pandas_later()
assert pa.array([1.5, 2.5]).to_pylist() == [1.5, 2.5]
assert "pandas" not in sys.modules
"""
TOLD = "assert pa.array(pd.Series([1.0, float('nan')])).null_count == 1, 'pyarrow does not know of series'"


def run(text: str) -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE + text], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_pyarrow_learns_of_pandas_when_it_is_imported() -> None:
    run(f"import pandas as pd\n{TOLD}\nassert type(pd.__spec__.loader).__name__ == 'SourceFileLoader'")


def test_data_frames_come_out_of_arrow_as_ever() -> None:
    run(f"frame = pa.table({{'a': [1, None]}}).to_pandas()\nassert len(frame) == 2\nimport pandas as pd\n{TOLD}")


def test_a_missing_pandas_is_missed_as_ever() -> None:
    hidden = "sys.modules.pop('pandas', None)\nsys.path[:] = []\nsys.path_importer_cache.clear()"
    run(f"{hidden}\ntry:\n    import pandas\nexcept ModuleNotFoundError:\n    pass\nelse:\n    raise AssertionError")
