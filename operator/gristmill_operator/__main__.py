"""``python -m gristmill_operator``: the operator's process."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

from gristmill.errors import GristmillError
from gristmill.logs import set_up
from gristmill_operator.settings import OperatorSettings, load_settings


def main() -> int:
    """Runs until SIGTERM or SIGINT; the exit status is 0 then, and 1 where the Lease was lost."""
    try:
        settings = load_settings()
        _log(settings.log_level)
        return asyncio.run(_run(settings))
    except GristmillError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code


def _log(level: str) -> None:
    """Ours from ``level``; kopf's warnings in the same form; of gRPC's core, which logs all refused callers, errors."""
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    set_up(level)
    kopf = logging.getLogger("kopf")
    kopf.handlers[:] = logging.getLogger("gristmill").handlers
    kopf.propagate = False
    kopf.setLevel(logging.WARNING)
    logging.getLogger("kopf._core.reactor.running").setLevel(logging.ERROR)


async def _run(settings: OperatorSettings) -> int:
    from gristmill_operator.operating import Operator  # after GRPC_VERBOSITY is set: gRPC reads it when it is loaded

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return 0 if await Operator(settings).run(stop) else 1


if __name__ == "__main__":
    sys.exit(main())
