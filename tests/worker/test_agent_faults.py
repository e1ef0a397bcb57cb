"""An agent of which a part has failed ends, so that whoever started it starts another."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gristmill.wire.agent_config import AgentConfig
from gristmill.worker.agent import Agent


@pytest.mark.parametrize("part", ["_watch", "keep"])
def test_an_agent_ends_with_the_fault_of_a_part_of_it(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("broken")

    config = AgentConfig(
        worker="w",
        coordinator="127.0.0.1:1",
        slots=1,
        memory_bytes=1 << 30,
        executors=str(tmp_path / "nobody.sock"),
        scratch=str(tmp_path / "scratch"),
        outputs=str(tmp_path / "outputs"),
        pod=True,
    )

    async def serve() -> None:
        agent = Agent(config)
        monkeypatch.setattr(agent if part == "_watch" else agent._executors, part, broken)
        async with asyncio.timeout(10):
            await agent.serve()

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(serve())
