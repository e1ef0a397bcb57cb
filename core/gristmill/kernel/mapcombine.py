"""Combining in a mapper's memory: pairs are grouped in a dict while the map function yields them.

Values are combined over contiguous runs in record order, at points that depend on the data alone, so that an
associative combine gives the same result wherever and however often it runs.
"""

from __future__ import annotations

import datetime as dt
import math
import operator
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from gristmill.kernel.calls import NOTHING, Calls, MapCalls, short
from gristmill.kernel.collect import A_PAIR, require_pair, unpacking
from gristmill.kernel.columns import Typed
from gristmill.kernel.combining import GroupCombine
from gristmill.kernel.records import Chunk

GROUPED_BYTES = 80 << 20
"""Groups and values that may wait in memory before they are combined. Constant, so that bytes of results do not
depend on the memory of a worker."""
_SLICE = 65_536
_FIRST_PART = 256
_LARGEST_PART = 16_384
_PARTS_UNCOUNTED = 32
_PER_GROUP_BYTES = 250
_PER_VALUE_BYTES = 8
_SHORT = 8
"""Groups of fewer values are combined only when they leave: a call would cost more than it saves."""

_NAN = math.nan
_NUMBERS = (int, float, Decimal)


class KeyKinds:
    """The types of keys seen so far, to catch keys that no column holds together: Python's dict would take True, 1
    and 1.0 for one key."""

    def __init__(self) -> None:
        self._families: dict[str, type] = {}

    @property
    def only_texts(self) -> bool:
        """Whether every key so far was a string or None, and one was a string."""
        return self._families.keys() == {"str"}

    def add(self, kind: type, key: object, calls: Calls) -> None:
        """Notes the type of a key. Raises TypeConflict naming the record if it does not go with those before."""
        if key is None:
            return
        family = _family(kind)
        self._families.setdefault(family, kind)
        if len(self._families) > 1:
            other = next(each for name, each in self._families.items() if name != family)
            conflict = calls.locate("key", key)
            conflict.reason = f"the key {short(key)} is {kind.__name__}, others are {other.__name__}"
            conflict.remedy = "Yield keys of one type."
            raise conflict


def _family(kind: type) -> str:
    if issubclass(kind, bool):
        return "bool"
    if issubclass(kind, _NUMBERS) or hasattr(kind, "__index__"):
        return "number"
    return next((each.__name__ for each in (str, bytes, tuple, list, dict) if issubclass(kind, each)), kind.__name__)


class _Groups(dict[Any, list[Any]]):
    """Values by key. Asked for a key that is not there it checks the key's type, unless that is text."""

    def __init__(self, kinds: KeyKinds, calls: Calls) -> None:
        super().__init__()
        self._kinds = kinds
        self._calls = calls

    def __missing__(self, key: Any) -> list[Any]:
        if type(key) is not str:
            self._kinds.add(type(key), key, self._calls)
        values: list[Any] = []
        self[key] = values
        return values


class MapCombiner:
    """Groups the pairs of a map function by key and combines each group's values."""

    def __init__(self, calls: MapCalls, combine: GroupCombine, typed: Typed) -> None:
        self._calls = calls
        self._combine = combine
        self._typed = typed
        self._kinds = KeyKinds()
        self._groups = _Groups(self._kinds, calls)
        self._originals: dict[Any, Any] = {}
        self._value_bytes = 0
        self._pace = _Pace()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The combined pairs in order of their keys' first appearance; at least one batch."""
        given = False
        for part in self._calls.parts(self._pace.records):
            for _ in self._grouped(part):
                self._calls.end_if_forked()
                if self._pace.must_count() and self._is_full(self._count()):
                    self._combine_long_groups()
                    if self._held_bytes(self._count()) > GROUPED_BYTES * 3 // 4:
                        yield from self._leave()
                        given = True
        if self._groups or not given:
            yield from self._leave()

    def _grouped(self, part: Chunk) -> Iterator[None]:
        """Adds the pairs of the records to the groups; stops for a look at the size after so many of them."""
        calls = self._calls
        if len(part.values) == 1:
            results = chain.from_iterable(map(calls.function, part.key_iterator(), calls.left))
            while self._any_keys(islice(results, _SLICE)):
                self._pace.passed(0)
                yield
        elif self._kinds.only_texts:
            self._texts(part)
        else:
            self._any_keys(chain.from_iterable(map(calls.function, part.key_iterator(), calls.left)))
        self._pace.passed(len(part.values))
        yield

    def _texts(self, part: Chunk) -> None:
        """For keys that are all strings so far: nothing but a string equals a string, so the dict needs no help, and
        a key of another type is found when it is first missing."""
        calls, groups = self._calls, self._groups
        function = calls.function
        pair: Any = NOTHING
        value: Any = None
        try:
            for name, record in zip(part.key_iterator(), calls.left, strict=False):
                for pair in function(name, record):
                    key, value = pair
                    groups[key].append(value)
        except BaseException as error:
            raise calls.failure(error, A_PAIR, unpacking(error, pair)) from error
        self._look_at(pair, value)

    def _any_keys(self, pairs: Iterable[Any]) -> bool:
        """Adds the pairs to the groups; False if there was none."""
        groups, originals = self._groups, self._originals
        pair: Any = NOTHING
        value: Any = None
        last: type | None = None
        try:
            for pair in pairs:
                key, value = pair
                kind = type(key)
                if kind is not last:
                    self._kinds.add(kind, key, self._calls)
                    last = kind
                if kind not in _AS_THEY_ARE:
                    original, key = key, hashable(key)
                    if key is not original:
                        originals.setdefault(key, original)
                held = groups.get(key)
                if held is None:
                    held = groups[key] = []
                held.append(value)
        except BaseException as error:
            raise self._calls.failure(error, A_PAIR, unpacking(error, pair)) from error
        self._look_at(pair, value)
        return pair is not NOTHING

    def _look_at(self, pair: Any, value: Any) -> None:
        """Checks the last pair, and takes its value as an example of how large values are."""
        if pair is not NOTHING:
            require_pair(self._calls, pair)
            self._value_bytes = _size(value)

    def _count(self) -> int:
        values = sum(map(len, self._groups.values()))
        self._pace.counted(values, GROUPED_BYTES // (_PER_VALUE_BYTES + self._value_bytes))
        return values

    def _is_full(self, values: int) -> bool:
        return self._held_bytes(values) > GROUPED_BYTES

    def _held_bytes(self, values: int) -> int:
        return len(self._groups) * _PER_GROUP_BYTES + values * (_PER_VALUE_BYTES + self._value_bytes)

    def _combine_long_groups(self) -> None:
        """Combines the groups that have many values."""
        for key, values in self._groups.items():
            if len(values) >= _SHORT:
                values[:] = self._combine.values(self._originals.get(key, key), values)

    def _leave(self) -> Iterator[pa.RecordBatch]:
        keys: list[Any] = []
        values: list[Any] = []
        for held, waiting in self._groups.items():
            key = self._originals.get(held, held)
            combined = self._combine.values(key, waiting) if len(waiting) > 1 else waiting
            keys.extend([key] * len(combined))
            values.extend(combined)
        self._groups.clear()
        self._originals.clear()
        if not keys:
            yield self._typed.nothing()
        for at in range(0, len(keys), _SLICE):
            part = {"key": keys[at : at + _SLICE], "value": values[at : at + _SLICE]}
            yield self._typed.batch(part, len(part["key"]), self._calls.locate)


class _Pace:
    """Decides how many records to take at once and when to count what is held, from what was seen so far.

    Counting all values costs time for every group, so it is done as seldom as the growth between counts allows. It
    depends on the records alone, so that a task combines at the same points whenever it runs.
    """

    def __init__(self) -> None:
        self._records = _FIRST_PART
        self._since_count = 0
        self._parts_to_count = 0
        self._values_before = 0

    def records(self) -> int:
        """How many records to take next."""
        return self._records

    def passed(self, records: int) -> None:
        """Notes that so many records were grouped."""
        self._since_count += records
        self._parts_to_count -= 1

    def must_count(self) -> bool:
        """Whether the next step is to count."""
        return self._parts_to_count <= 0

    def counted(self, values: int, most: int) -> None:
        """Notes how many values are held now, of ``most`` that may be."""
        grown = max(values - self._values_before, 1)
        if self._since_count:
            self._records = min(max(_SLICE * self._since_count // grown, 1), _LARGEST_PART)
            self._parts_to_count = min(max((most - values) // (2 * _SLICE), 1), _PARTS_UNCOUNTED)
        self._since_count = 0
        self._values_before = values


def hashable(key: Any) -> Any:
    """What stands for a key in a dict: equal exactly where the engine holds keys for equal."""
    match key:
        case bool():
            return (bool, key)
        case float():
            return key if key == key else _NAN  # noqa: PLR0124 - NaN alone is not itself
        case tuple():
            parts = tuple(part if type(part) in _AS_THEY_ARE else hashable(part) for part in key)
            return key if all(map(operator.is_, parts, key)) else parts
        case list():
            return (list, *map(hashable, key))
        case dict():
            return (dict, *((name, hashable(part)) for name, part in key.items()))
        case _:
            return key


_AS_THEY_ARE = frozenset({str, int, bytes, type(None), dt.date, dt.datetime, Decimal})


def _size(value: Any) -> int:
    """About the bytes of one value; small integers are shared by all that hold them."""
    if type(value) in (int, bool) and -5 <= value <= 256:
        return 0
    parts = sum(map(sys.getsizeof, value)) if isinstance(value, (tuple, list)) else 0
    return sys.getsizeof(value) + parts
