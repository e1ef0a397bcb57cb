"""The border to the user's Python code: finding functions, and turning what they raise into errors worth reading.

Every call into user code is made by the python fragments and the partitioner of exchanges; their exceptions all come
through ``blamed``, so that a user sees the own lines of code and never the engine's.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import signal
import traceback
from collections.abc import Callable
from functools import lru_cache, wraps
from pathlib import Path
from typing import Any

import cloudpickle

from gristmill.errors import FragmentError, GristmillError
from gristmill.kernel.job_code import code_placed
from gristmill.plan.fragment import PythonFunction

_ENGINE = str(Path(__file__).resolve().parents[1])
_IMPORTING = ("<frozen importlib", importlib.__file__)
"""Frames of Python's own between the engine and a module of the user."""
_FRAMES_SHOWN = 6
_CHARACTERS_QUOTED = 2000


def load(function: PythonFunction) -> Callable[..., Any]:
    """The function itself, from the code placed last (see ``job_code``) or wherever else imports find it.

    Raises FragmentError that says what is missing, or how importing it failed.
    """
    return _load(function, code_placed())


class _Importing:
    """Whether modules of a job are being imported for their functions."""

    def __init__(self) -> None:
        self.depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


_importing = _Importing()


def is_importing() -> bool:
    """Whether a job's modules are being imported for their functions now: no time to run jobs."""
    return _importing.depth > 0


@lru_cache(maxsize=256)
def _load(function: PythonFunction, _code: str) -> Callable[..., Any]:
    found = _found(function)
    return found if inspect.isgeneratorfunction(found) else _ending_no_loop(found)


def _ending_no_loop(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose StopIteration is an error: the loops in C around it would take it for their end, and drop
    all records that follow. Python sees to that itself for generators."""

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except StopIteration as error:
            said = "StopIteration, as next(...) raises it where nothing is left"
            raise RuntimeError(said).with_traceback(error.__traceback__) from None

    return called


def _found(function: PythonFunction) -> Callable[..., Any]:
    if function.pickled is not None:
        return _unpickled(function)
    module_name, _, qualname = function.entry.partition(":")
    try:
        with _importing:
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise FragmentError(
                f"there is no module {error.name!r}",
                place=f"function {function.entry}",
                remedy="Name it MODULE:FUNCTION, and send the module along in the job's code.",
            ) from None
        raise blamed(error, f"import of {module_name}") from error
    except BaseException as error:
        raise blamed(error, f"import of {module_name}") from error
    for name in qualname.split("."):
        if not hasattr(found, name):
            raise _no_such_name(function, name, dir(found))
        found = getattr(found, name)
    if not callable(found):
        raise FragmentError(f"it is a {type(found).__name__}, not a function", place=f"function {function.entry}")
    return found  # type: ignore[no-any-return]


def _no_such_name(function: PythonFunction, name: str, known: list[str]) -> FragmentError:
    near = difflib.get_close_matches(name, [each for each in known if not each.startswith("__")], n=1)
    return FragmentError(
        f"there is no {name!r} in it",
        place=f"function {function.entry}",
        remedy=f"Did you mean {near[0]!r}?" if near else "",
    )


def _unpickled(function: PythonFunction) -> Callable[..., Any]:
    try:
        return cloudpickle.loads(function.pickled)  # type: ignore[no-any-return]
    except BaseException as error:
        raise FragmentError(
            f"it cannot be loaded here: {type(error).__name__}: {error}",
            place=f"function {function.entry}",
            remedy="Workers need the Python version and packages of the caller; or name the function MODULE:FUNCTION.",
        ) from error


def blamed(error: BaseException, place: str, *, file: str = "", record: int | None = None) -> GristmillError:
    """The FragmentError for what user code raised; an error of Gristmill's own stays, and learns its place.

    SystemExit and KeyboardInterrupt count as any exception, except where Ctrl-C reaches this very process. A
    MemoryError is raised again as it is, since running out of memory is answered differently.
    """
    if isinstance(error, MemoryError) or (isinstance(error, KeyboardInterrupt) and _hears_interrupts()):
        raise error
    if isinstance(error, GristmillError):
        if not error.place and error.record is None:
            error.place, error.file, error.record = place, file, record
        return error
    frames = _user_frames(error)
    said = _cut(str(error))
    raised = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, SystemExit):
        raised = f"it called sys.exit({error.code!r})"
    where = f" ({frames[-1][0]})" if frames else ""
    trail = "".join(f"\n  {at}\n    {source}" for at, source in frames)
    return FragmentError(f"{raised}{where}", place=place, remedy=f"In your code:{trail}" if trail else "", file=file,
                         record=record)  # fmt: skip


def _cut(text: str) -> str:
    """The text without its middle where it is long: whoever quotes a record may quote megabytes."""
    half = _CHARACTERS_QUOTED // 2
    return text if len(text) <= 2 * half else f"{text[:half]} … {len(text) - 2 * half} more characters … {text[-half:]}"


def _hears_interrupts() -> bool:
    """Whether a Ctrl-C arrives here as a KeyboardInterrupt: in the calling process of a small job, not in executors."""
    return callable(signal.getsignal(signal.SIGINT))


def _user_frames(error: BaseException) -> list[tuple[str, str]]:
    """The frames outside the engine, oldest first, without repetition; the middle of a deep stack left out."""
    found = [
        (f"{frame.filename}:{frame.lineno} in {frame.name}", frame.line or "")
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((_ENGINE, *_IMPORTING))
    ]
    if len(found) > _FRAMES_SHOWN:
        half = _FRAMES_SHOWN // 2
        found = [*found[:half], (f"… {len(found) - _FRAMES_SHOWN} more calls", ""), *found[-half:]]
    return found


def in_user_code(error: BaseException) -> bool:
    """Whether the exception came out of code that is not the engine's."""
    frame = error.__traceback__
    while frame is not None:
        if not frame.tb_frame.f_code.co_filename.startswith(_ENGINE):
            return True
        frame = frame.tb_next
    return False
