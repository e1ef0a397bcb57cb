"""Wheels of a tiny package, made by tests that have jobs require it."""

from __future__ import annotations

import zipfile
from pathlib import Path

GREETER = """
import tinygreeter

def greet(name, line):
    yield line, tinygreeter.greeting(line)
"""
"""A module whose function needs the package."""


def make_wheel(folder: Path, version: str, needs: str = "") -> Path:
    """A wheel of the package ``tinygreeter``, whose one function says its version."""
    folder.mkdir(exist_ok=True)
    info = f"tinygreeter-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: tinygreeter\nVersion: {version}\n"
    files = {
        "tinygreeter/__init__.py": f"def greeting(name): return f'hello {{name}} from {version}'\n",
        f"{info}/METADATA": metadata + (f"Requires-Dist: {needs}\n" if needs else ""),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    path = folder / f"tinygreeter-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            wheel.writestr(name, text)
    return path
