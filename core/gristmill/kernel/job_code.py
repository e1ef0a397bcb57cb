"""The source files that travel with a job, as modules of this process.

The steps of a task place the code that their functions come from before they load them. Two jobs may call a module by
the same name, and so may the process that a small job runs in: each function gets its own job's.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from gristmill.errors import FragmentError
from gristmill.kernel.environment import TaskEnv
from gristmill.plan.codec import digest
from gristmill.plan.fragment import Code


class _Modules:
    """Which code imports find first, and the modules that had to make room for it."""

    def __init__(self) -> None:
        self.first = ""
        self._own: dict[str, dict[str, ModuleType]] = {}
        """By folder of a job's code: its modules, while another's of the same names are in their place."""
        self._others: dict[str, ModuleType] = {}
        self._packages: set[str] = set()
        """Folders of packages that jobs required."""

    def put_first(self, folder: Path) -> None:
        """Makes imports find this folder's modules; those of other folders stay importable by names of their own."""
        if self.first == str(folder):
            return
        self._set_aside({path.stem for path in folder.iterdir()})
        self.first = str(folder)
        sys.modules.update(self._own.setdefault(self.first, {}))
        if self.first in sys.path:
            sys.path.remove(self.first)
        sys.path.insert(0, self.first)
        importlib.invalidate_caches()

    def add_packages(self, folder: Path) -> None:
        """Makes imports find these packages before those of the environment, and after jobs' own modules."""
        if str(folder) not in sys.path:
            at = sum(entry in self._own for entry in sys.path)
            sys.path.insert(at, str(folder))
            self._packages.add(str(folder))
            importlib.invalidate_caches()

    def _set_aside(self, names: set[str]) -> None:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in names:
                owner = next((own for own in self._own if _lies_in(module, own)), None)
                (self._others if owner is None else self._own[owner])[name] = sys.modules.pop(name)

    def remove(self) -> None:
        """Leaves the process as it was before any code was placed."""
        placed = {*self._own, *self._packages}
        for name, module in list(sys.modules.items()):
            if any(_lies_in(module, folder) for folder in placed):
                del sys.modules[name]
        sys.modules.update(self._others)
        sys.path[:] = [entry for entry in sys.path if entry not in placed]
        self.first = ""
        self._own.clear()
        self._packages.clear()
        self._others.clear()


def _lies_in(module: ModuleType, folder: str) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(f"{folder}/")


_modules = _Modules()


def place_code(code: Code, env: TaskEnv) -> Path:
    """Writes the inline files of ``code`` below scratch, once per digest, and makes imports find them first, then the
    packages that it requires.

    Raises FragmentError for a file that would land outside, and for packages that cannot be installed.
    """
    if code.requirements:
        from gristmill.kernel.requirements import installed_requirements  # seldom needed

        _modules.add_packages(installed_requirements(code.requirements, env))
    folder = env.scratch / "code" / digest(code)[:16]
    if not folder.exists():
        for file in code.inline:
            target = (folder / file.path).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise FragmentError("the path leaves the job's code", place=f"code file {file.path!r}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.text, encoding="utf-8")
        folder.mkdir(parents=True, exist_ok=True)
    if code.inline:
        _modules.put_first(folder)
    return folder


def code_placed() -> str:
    """The folder whose modules are found first: functions of one name, loaded under two of them, may differ."""
    return _modules.first


def remove_code() -> None:
    """Forgets all code that was placed: to be called where a run ends but its process goes on."""
    _modules.remove()
