"""``python -m gristmill_operator``: the operator's process."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from gristmill.errors import GristmillError
from gristmill.logs import set_up
from gristmill_operator.operating import Operator
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
    set_up(level)
    logging.getLogger("kopf").setLevel(logging.WARNING)


async def _run(settings: OperatorSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return 0 if await Operator(settings).run(stop) else 1


if __name__ == "__main__":
    sys.exit(main())
