"""Imports gRPC so that the process may fork while it is in use.

gRPC's own handlers restart threads in the copy, which crash there now and then (grpcio 1.85, one copy in eight while
workers are connected). Without them gRPC is simply not to be used in a copy, which the engine does not. Imported before
anything else that imports gRPC; a process that says what it wants by ``GRPC_ENABLE_FORK_SUPPORT`` gets that.
"""

from __future__ import annotations

import os
from importlib import import_module

_NAME = "GRPC_ENABLE_FORK_SUPPORT"

_given = os.environ.get(_NAME)
os.environ.setdefault(_NAME, "0")
import_module("grpc.aio")  # reads the variable
if _given is None:
    del os.environ[_NAME]
