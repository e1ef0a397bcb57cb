"""Which source files a script needs: itself and the modules beside it that it imports, directly or not.

For jobs that travel as source. Imports are read, not run; what is not found beside the script is taken to be installed
wherever the job runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gristmill.errors import InvalidPlan

_INIT = "__init__.py"


def import_root(file: Path) -> Path:
    """The folder that imports of ``file`` start from: the first one above it that is no package."""
    folder = file.parent
    while (folder / _INIT).exists():
        folder = folder.parent
    return folder


def module_name(file: Path) -> str:
    """The name by which ``file`` is imported from its root: ``reports.daily`` of ``reports/daily.py``.

    What no module may be called becomes one: ``my_job`` of the script ``my-job.py``.
    """
    *folders, stem = file.relative_to(import_root(file)).with_suffix("").parts
    return ".".join(folders if stem == "__init__" else [*folders, _module_stem(stem)])


def _module_stem(stem: str) -> str:
    return stem if stem.isidentifier() else re.sub(r"\W|^(?=\d)", "_", stem)


def source_files(script: Path) -> dict[str, Path]:
    """The files by path relative to the root, the script's first. Raises InvalidPlan for one that cannot be parsed."""
    root = import_root(script)
    found: dict[str, Path] = {}
    waiting = [script]
    while waiting:
        file = waiting.pop(0)
        path = file.relative_to(root).with_stem(_module_stem(file.stem)).as_posix()
        if path not in found:
            found[path] = file
            waiting += _packages(file, root)
            waiting += [each for name in _imported(file, root) for each in _beside(name, root)]
    return found


def _packages(file: Path, root: Path) -> Iterator[Path]:
    """The ``__init__.py`` of each package that the file lies in: importing it runs them."""
    for folder in file.relative_to(root).parents:
        if (init := root / folder / _INIT).exists() and init != file:
            yield init


def _imported(file: Path, root: Path) -> Iterator[str]:
    """The dotted names that the file imports; of ``from a import b`` both ``a`` and ``a.b``, which may be a module."""
    package = file.relative_to(root).parent.parts
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            if module:
                yield module
            yield from (f"{module}.{alias.name}".removeprefix(".") for alias in node.names)


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"), str(file))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        reason = error.msg if isinstance(error, SyntaxError) else "is not UTF-8 text"
        raise InvalidPlan(str(reason), place=f"{file}:{line}" if line else str(file)) from None


def _beside(name: str, root: Path) -> Iterator[Path]:
    """The files below the root that importing ``name`` runs."""
    path = root
    for part in name.split("."):
        path = path / part
        module = path.with_name(f"{part}.py")
        for file in (path / _INIT, module):
            if file.is_file():
                yield file
                break
