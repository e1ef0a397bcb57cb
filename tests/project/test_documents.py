"""What the documents show works: files that they spell out, commands of their console blocks, links.

A block ```console holds commands after ``$ ``; they run in order, in one empty folder for each document, and must end
with 0. A line without ``$ `` is output that must appear. A code block whose first line is a comment with nothing but a
file name is written to that file first. Blocks marked ```sh are not run.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if path.is_file()]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"(?:#|--) ([\w./-]+\.\w+)")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Command:
    """One command of a console block and the output lines that are shown under it."""

    text: str
    output: tuple[str, ...]


def commands(block: str) -> list[Command]:
    chunks = [chunk.splitlines() for chunk in re.split(r"^\$ ", block, flags=re.MULTILINE) if chunk.strip()]
    return [Command(lines[0], tuple(line for line in lines[1:] if line.strip(" .…"))) for lines in chunks]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if "```console" in path.read_text()], ids=name)
def test_commands_of_console_blocks_run(document, tmp_path):
    environment = dict(os.environ, PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for language, block in BLOCK.findall(document.read_text()):
        if file := FILE_NAME.fullmatch(block.split("\n", 1)[0]):
            (tmp_path / file[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file[1]).write_text(block)
        elif language == "console":
            for command in commands(block):
                _check(command, tmp_path, environment)


def _check(command: Command, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", command.text], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"$ {command.text}\n{done.stdout}{done.stderr}"
    shown = [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]
    missing = [line for line in command.output if " ".join(line.split()) not in shown]
    assert not missing, f"$ {command.text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_to_files(document):
    targets = [link for link in LINK.findall(document.read_text()) if "://" not in link]
    assert [target for target in targets if not (document.parent / target).exists()] == []
