"""An example is also a program: its functions travel from `__main__` to the workers."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_word_count_as_a_script_prints_the_commonest_words(data, tmp_path):
    (tmp_path / "data").symlink_to(data)
    script = [sys.executable, str(EXAMPLES / "wordcount" / "job.py")]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()[1:4]] == ["self", "x", "the"]
