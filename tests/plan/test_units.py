"""Sizes and durations: what people write, what comes back, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.units import bytes_text, format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("64MiB", 64 << 20), ("64Mi", 64 << 20), ("1.5 GiB", 3 << 29), ("2kB", 2000), ("10GB", 10**10), ("7", 7), (7, 7)],
)
def test_sizes_as_people_write_them(text: str | int, bytes_: int) -> None:
    assert parse_size(text) == bytes_


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("500ms", 0.5), ("1h30m", 5400.0), ("2d", 172800.0), ("0.1s", 0.1)]
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(min_value=1, max_value=1 << 60))
def test_a_size_comes_back_to_the_byte(bytes_: int) -> None:
    assert parse_size(format_size(bytes_)) == bytes_


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_a_duration_comes_back_exactly(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("64Mb", "p: unknown unit of size 'Mb' in '64Mb'\n  Did you mean \"64MiB\"?"),
        (
            "4 apples",
            "p: unknown unit of size 'apples' in '4 apples'\n  Units: B, KiB, MiB, GiB, TiB; KB, MB, GB, TB.",
        ),
        ("big", "p: 'big' is not a size\n  Write a number and a unit: \"64MiB\"."),
        ("0", "p: a size must be at least one byte, found '0'"),
        ("-1GiB", "p: '-1GiB' is not a size\n  Write a number and a unit: \"64MiB\"."),
    ],
)
def test_a_bad_size_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        parse_size(text, "p")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("30", "p: '30' is not a duration\n  Write \"30s\" for seconds."),
        ("", 'p: \'\' is not a duration\n  Write "30s", "5m", "1h30m" or "500ms".'),
        ("5m x", 'p: \'5m x\' is not a duration\n  Write "30s", "5m", "1h30m" or "500ms".'),
        ("0s", "p: a duration must be more than nothing, found '0s'"),
    ],
)
def test_a_bad_duration_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(InvalidPlan) as caught:
        parse_duration(text, "p")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (1 << 62, "4096.0 PiB")],
)
def test_bytes_for_people(bytes_, text):
    assert bytes_text(bytes_) == text
