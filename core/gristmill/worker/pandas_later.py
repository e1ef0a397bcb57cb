"""Puts off the import of pandas, which pyarrow begins with the first array it makes, until somebody imports pandas.

It costs 0.2 s of processor time and 40 MiB in each executor, and most jobs never see a data frame. Called by the
executor before it runs anything; user code notices nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pyarrow as pa


def import_pandas_later() -> None:
    """Makes pyarrow believe that there is no pandas, until it is imported. Does nothing once it was."""
    if "pandas" in sys.modules:
        return
    finder = _PandasFinder()
    sys.meta_path.insert(0, finder)
    pa.array([0])
    finder.refuses = False


class _PandasFinder(MetaPathFinder):
    """Hides pandas at first; then finds it once, and lets pyarrow know."""

    def __init__(self) -> None:
        self.refuses = True

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "pandas":
            return None
        if self.refuses:
            raise ModuleNotFoundError("pandas is imported later", name="pandas")
        sys.meta_path.remove(self)
        spec = find_spec("pandas")
        if spec is not None and spec.loader is not None:
            spec.loader = _TellingLoader(spec.loader)
        return spec


class _TellingLoader(Loader):
    """Loads pandas as its own loader does, after which pyarrow knows of series and data frames again."""

    def __init__(self, own: Loader) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._own
        self._own.exec_module(module)
        assert pa.lib._pandas_api.pd is module
