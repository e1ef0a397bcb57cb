"""Temporary folders of this process on local disk, which are removed even if it is killed.

Whatever keeps files for a while on this machine makes one: sessions, inline runs, results. They go when they are told
to, else at the end of the process; those of a process that was killed go when the next one makes a folder there. That
is told by a lock file, which each process holds while it has folders in a place: the system lets go of a dead one's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import threading
import weakref
from pathlib import Path
from types import TracebackType

from gristmill.errors import StorageError

_PREFIX, _LOCK = "gristmill-", ".lock"


class _Owner:
    """This process in one place: what its folders there are called, and the lock that says that it lives."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._name = f"{_PREFIX}{secrets.token_hex(4)}"
        self._lock = place / f"{self._name}{_LOCK}"
        self._held: int | None = None
        self._live: set[Path] = set()
        self._made = 0

    def new_folder(self) -> Path:
        """Makes a folder."""
        self._made += 1
        folder = self.path(str(self._made))
        self._live.add(folder)  # before the lock is looked at: at any moment others may be found to be garbage
        try:
            if self._held is None:
                self._held = _locked(self._lock)
            folder.mkdir(mode=0o700)
        except OSError:
            self.is_gone(folder)
            raise
        return folder

    def path(self, name: str) -> Path:
        """A path that goes with this process's folders."""
        return self._place / f"{self._name}-{name}"

    def is_gone(self, folder: Path) -> None:
        """One folder less; the lock goes with the last."""
        self._live.discard(folder)
        if not self._live:
            held, self._held = self._held, None
            if held is not None:
                self._lock.unlink(missing_ok=True)
                os.close(held)


_guard = threading.RLock()
_owners: dict[Path, _Owner] = {}
_of_parent: list[_Owner] = []
"""Those of the process that this one is a copy of: its folders stay while a copy can still read them."""


def _after_fork() -> None:
    global _guard  # noqa: PLW0603 - a thread that is not here may hold it
    _guard = threading.RLock()
    _of_parent.extend(_owners.values())
    _owners.clear()


os.register_at_fork(after_in_child=_after_fork)


class TemporaryFolder:
    """A new folder below ``place``, till ``remove``, the end of ``with``, or of the object, or of the process.

    Raises StorageError where none can be made.
    """

    def __init__(self, place: Path) -> None:
        place = place.absolute()
        with _guard:
            if place not in _owners:
                _owners[place] = _Owner(place)
                threading.Thread(target=remove_left, args=(place,), name="gristmill-sweep", daemon=True).start()
            owner = _owners[place]
            try:
                self.path = owner.new_folder()
            except OSError as error:
                raise _unusable(place, error) from None
        self.spill = owner.path("spill")
        """A path beside it, not made, and the same for all folders of this process in this place."""
        self._end = weakref.finalize(self, _remove, self.path, owner, os.getpid())

    def remove(self) -> None:
        """Removes it with all that is in it; a second time does nothing."""
        self._end()

    def remove_soon(self) -> None:
        """Removes it without keeping the caller waiting: files take a while to go."""
        threading.Thread(target=self.remove, name="gristmill-remove").start()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


def _remove(path: Path, owner: _Owner, maker: int) -> None:
    if os.getpid() != maker:  # a copy of the process ends
        return
    shutil.rmtree(path, ignore_errors=True)
    with _guard:
        owner.is_gone(path)


def remove_left(place: Path) -> None:
    """Removes what killed processes have left in ``place``."""
    for lock in place.glob(f"{_PREFIX}*{_LOCK}"):
        with contextlib.suppress(OSError):  # it is held, or has just gone, or is another user's
            held = os.open(lock, os.O_RDWR)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove_folders_of(lock)
            finally:
                os.close(held)


def _remove_folders_of(lock: Path) -> None:
    folders = list(lock.parent.glob(f"{lock.name.removesuffix(_LOCK)}-*"))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    if not any(folder.exists() for folder in folders):
        lock.unlink(missing_ok=True)


def _locked(path: Path) -> int:
    """Makes the lock file and holds it; again where another process took it for a dead one's in between."""
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        if path.exists() and os.path.samestat(os.stat(path), os.fstat(held)):
            return held
        os.close(held)


def _unusable(place: Path, error: OSError) -> StorageError:
    return StorageError(
        f"no temporary folder can be made there: {error.strerror}",
        place=f"local folder {place}",
        remedy="Point the environment variable GRISTMILL_LOCAL_DIR to a folder that this user may write to.",
    )
