"""Helm, for all tests of the chart."""

from __future__ import annotations

import pytest

from tests.support.helm_chart import Helm, tool


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(tool("helm"))
