"""Numbers and places in words."""

import pytest

from gristmill_cli.wording import count_text, duration_text, place_text, plural, rough_duration_text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0"), (9999, "9,999"), (12_345, "12.3 k"), (1_234_567, "1.2 M"), (7e9, "7.0 G")]
)
def test_counts(count, text):
    assert count_text(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.123, "0.12 s"), (9.99, "9.99 s"), (10, "10.0 s"), (59.6, "59.6 s"), (59.96, "1:00"), (3725, "1:02:05")],
)
def test_durations(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.1, "1 s"), (9.4, "9 s"), (59.6, "1:00"), (125, "2:05")])
def test_durations_that_are_guessed(seconds, text):
    assert rough_duration_text(seconds) == text


def test_one_thing_is_not_many():
    assert [plural(count, "row") for count in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]


def test_local_places_are_paths_and_others_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_text(f"file://{tmp_path}/out/words") == "out/words"
    assert place_text("file:///elsewhere/x") == "/elsewhere/x"
    assert place_text("s3://bucket/x") == "s3://bucket/x"
