"""The one retry policy for stores, in the words of each client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

RETRIES = 5
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
GIVE_UP_AFTER_S = 90
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 60
IDLE_CONNECTION_S = 2
"""A connection holds two thirds of a MiB, and each bucket has connections of its own."""


def for_obstore() -> dict[str, Any]:
    """``retry_config`` and ``client_options`` of an obstore store."""
    return {
        "retry_config": {
            "max_retries": RETRIES,
            "retry_timeout": timedelta(seconds=GIVE_UP_AFTER_S),
            "backoff": {
                "init_backoff": timedelta(seconds=FIRST_WAIT_S),
                "max_backoff": timedelta(seconds=LONGEST_WAIT_S),
                "base": 2,
            },
        },
        "client_options": {
            "pool_idle_timeout": timedelta(seconds=IDLE_CONNECTION_S),
            "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
            "timeout": timedelta(seconds=READ_TIMEOUT_S),
        },
    }


def for_botocore() -> dict[str, Any]:
    """Keywords of ``botocore.config.Config``."""
    return {
        "retries": {"total_max_attempts": RETRIES + 1, "mode": "standard"},
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": READ_TIMEOUT_S,
    }
