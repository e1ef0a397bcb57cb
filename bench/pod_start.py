"""What starting a lead pod takes, without a cluster: executor host, lead and its agent, as processes of this machine.

Clock and processor seconds from their start until the worker is ready, and by the clock until the first record of a job
that was asked for before. Bytecode is kept between the runs, as images hold it.

python bench/pod_start.py [RUNS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from measuring import machine

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gristmill.worker.processes import family
from tests.support.pool_here import PoolHere, soon

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
_CODE = "import time\n\ndef stamp(name, line):\n    yield 'began', time.time()\n"
_READY = "worker joined"
"""In the lead's log."""


def main() -> None:
    """Print the table; the first run, which writes bytecode, does not count."""
    with tempfile.TemporaryDirectory() as folder:
        kept = {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode", "PYTHONDONTWRITEBYTECODE": "", "PYTHONHASHSEED": "0"}
        runs = [_run(Path(folder) / str(number), kept) for number in range(RUNS + 1)][1:]
    ready, processor, first = (statistics.median(values) for values in zip(*runs, strict=True))
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}, median of {RUNS}\n")
    print("| a lead pod's processes | s |\n| --- | --- |")
    print(f"| start to ready (target 0.7) | {ready:.2f} |")
    print(f"| processor time of all until then | {processor:.2f} |")
    print(f"| start to the first record of a task | {first:.2f} |")


def _run(folder: Path, environment: dict[str, str]) -> tuple[float, float, float]:
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "line.txt").write_text("one line\n")
    pool = PoolHere({**environment, "GRISTMILL_SCRATCH": f"{folder}/scratch"})
    try:
        uid = pool.operator.ask(_job(folder))
        began = time.time()
        pool.start()
        assert soon(lambda: _READY in pool.lead.log), pool.lead.log
        ready, processor = time.time() - began, sum(map(_cpu_seconds, pool.lead.processes))
        pool.operator.complete(uid)
        (part,) = (folder / "out").glob("part-*.parquet")
        return ready, processor, pq.read_table(part)["value"][0].as_py() - began
    finally:
        pool.close()


def _cpu_seconds(process: Any) -> float:
    """Of a process and all below it that run."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in family(process.pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def _job(folder: Path) -> dict[str, Any]:
    spec = {
        "code": {"inline": {"job.py": _CODE}},
        "input": [{"uri": f"file://{folder}/in/*.txt", "format": "text"}],
        "map": {"python": "job:stamp"},
        "output": {"uri": f"file://{folder}/out", "format": "parquet"},
    }
    metadata = {"name": "stamp", "namespace": "default"}
    return {"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": metadata, "spec": spec}


if __name__ == "__main__":
    main()
