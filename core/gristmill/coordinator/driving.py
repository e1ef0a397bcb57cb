"""Drives one ChainRun to its end in an event loop: brings it time, and does the slow work that it asks for.

The embedded tier and a pod's lead both run this, the lead for several runs at a time. Workers reach the run through
the pool.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from gristmill.coordinator.chain_run import ChainRun
from gristmill.coordinator.outputs import ChainOutputs
from gristmill.coordinator.progress import ChainState
from gristmill.errors import GristmillError

LOOP_EVERY_S = 0.05
"""How often time is brought to a run; what it asks for is done at once."""
QUIET_S = 10.0
"""So long an ended run waits for its workers to give up what they still do for it."""


async def drive(run: ChainRun, outputs: ChainOutputs, look: Callable[[ChainState], None]) -> None:
    """Runs the chain till it is over, and its outputs are committed; ``run.error`` says what it failed with.

    ``look`` is called at each turn with the state, may ask the run to fail, and what it raises fails it.
    """
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    run.call_when_asking(asked.set)
    try:
        while not run.over:
            run.tick(time.monotonic())
            look(ChainState.RUNNING)
            await _perform_effects(run, outputs)
            timer = loop.call_later(LOOP_EVERY_S, asked.set)
            await asked.wait()
            timer.cancel()
            asked.clear()
        if run.error is None:
            look(ChainState.COMMITTING)
            await _perform_effects(run, outputs)
    except GristmillError as error:
        run.fail(error)


async def quiet(busy: Callable[[], bool]) -> None:
    """After the end, once no new tasks are handed out: waits while workers are ``busy`` with the run, for they may
    still stage something."""
    until_s = time.monotonic() + QUIET_S
    while busy() and time.monotonic() < until_s:
        await asyncio.sleep(0.005)


async def drop_late_parts(run: ChainRun, outputs: ChainOutputs) -> None:
    """Removes what late attempts have staged for a run that was driven to its end; one that failed drops all."""
    if run.error is None:
        await _perform_effects(run, outputs)


async def _perform_effects(run: ChainRun, outputs: ChainOutputs) -> None:
    while run.effects:
        await asyncio.to_thread(outputs.perform, run.effects.popleft())
