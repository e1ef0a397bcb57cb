"""Ctrl-C around user code: obeyed at its end, and only there."""

import gc
import sys

import pytest

from gristmill.coordinator.interrupts import Interrupts


def test_an_interrupt_that_the_code_swallowed_comes_at_its_end() -> None:
    interrupts = Interrupts()
    with pytest.raises(KeyboardInterrupt), interrupts.working():
        interrupts.heard = True


def test_an_end_that_was_never_reached_raises_nothing_when_it_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    unraisable: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    interrupts = Interrupts()
    working = interrupts.working()
    working.__enter__()
    interrupts.heard = True
    del working
    gc.collect()
    assert unraisable == []
