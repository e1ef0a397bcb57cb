"""``gristmill version``: what is installed, for reports of faults."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed_version

import typer

from gristmill.version import __version__

_PARTS = ("duckdb", "pyarrow", "sqlglot", "grpcio", "obstore")


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command()(version)


def version() -> None:
    """Show the version, and those of the parts that do the work."""
    parts = ", ".join(f"{name} {installed_version(name)}" for name in _PARTS)
    typer.echo(f"gristmill {__version__}")
    typer.echo(f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {parts}")
