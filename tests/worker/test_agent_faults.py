"""An agent of which a part has failed ends, so that whoever started it starts another; what others left it removes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gristmill.errors import StorageError
from gristmill.wire import wire_pb2 as wire
from gristmill.wire.agent_config import AgentConfig
from gristmill.worker import agent
from gristmill.worker.agent import Agent, main
from gristmill.worker.memory_watch import MemoryWatch


def config_in(folder: Path) -> AgentConfig:
    return AgentConfig(
        worker="w",
        coordinator="127.0.0.1:1",
        slots=1,
        memory_bytes=1 << 30,
        executors=str(folder / "nobody.sock"),
        scratch=str(folder / "scratch"),
        outputs=str(folder / "outputs"),
        pod=True,
    )


@pytest.mark.parametrize("part", ["_memory", "_executors"])
def test_an_agent_ends_with_the_fault_of_a_part_of_it(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("broken")

    config = config_in(tmp_path)

    async def serve() -> None:
        made = Agent(config)
        monkeypatch.setattr(getattr(made, part), "keep", broken)
        async with asyncio.timeout(10):
            await made.serve()

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(serve())


def test_an_agent_that_ends_by_a_fault_says_so_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: object) -> None:
        raise StorageError("the disk is gone", place="/scratch")

    monkeypatch.setattr(MemoryWatch, "keep", refused)
    said: list[str] = []
    monkeypatch.setattr(agent, "log", lambda *_, why="", **__: said.append(str(why)))
    assert main(config_in(tmp_path)) == StorageError.exit_code
    assert "/scratch: the disk is gone" in said


def test_what_executors_of_before_left_in_scratch_is_removed(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    left = Path(config.scratch) / "executor-0-3"
    (left / "spill").mkdir(parents=True)
    (left.parent / "executor-0-3.log").touch()
    Agent(config)
    assert list(left.parent.iterdir()) == []


def test_the_scratch_of_an_executor_goes_with_it(tmp_path: Path) -> None:
    async def executor_dies() -> None:
        made = Agent(config_in(tmp_path))
        folder = Path(made._config.scratch) / "executor-0-0"
        (folder / "spill").mkdir(parents=True)
        made._process_ended("0-0", -9, "")
        async with asyncio.timeout(10):
            while folder.exists():
                await asyncio.sleep(0.01)

    asyncio.run(executor_dies())


def test_a_released_run_leaves_no_map_output(tmp_path: Path) -> None:
    async def released() -> list[str]:
        made = Agent(config_in(tmp_path))
        outputs = Path(made._config.outputs)
        for run in ("gone", "other"):
            (outputs / run / "job" / "in").mkdir(parents=True)
        for run in ("gone", "never"):
            made._take(wire.ToWorker(release=wire.Release(run=run)))
        assert not (outputs / "gone").exists()  # at once: its maps may run again
        async with asyncio.timeout(10):
            while len(list(outputs.iterdir())) > 1:
                await asyncio.sleep(0.01)
        return [path.name for path in outputs.iterdir()]

    assert asyncio.run(released()) == ["other"]


def test_map_output_that_an_agent_of_before_was_dropping_is_removed(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    (Path(config.outputs) / ".dropped-7" / "in").mkdir(parents=True)
    Agent(config)
    assert list(Path(config.outputs).iterdir()) == []
