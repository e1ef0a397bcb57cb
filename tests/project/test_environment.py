"""The locked environment, the make targets and the CI budget agree with the rest of the project."""

import os
import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

MADE_EXTRAS = ("demo", "frames", "http", "gcs", "azure", "operator", "worker", "cluster", "test", "lint")


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def locked(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def test_every_dependency_is_locked_to_a_version_that_it_allows(project, locked):
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in MADE_EXTRAS for line in extras[extra])]
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} but constraints.txt has {version}"


def test_the_makefile_installs_those_extras(root):
    assert f"EXTRAS := {','.join(MADE_EXTRAS)}\n" in (root / "Makefile").read_text()


def test_make_alone_lists_every_target(root):
    targets = re.findall(r"^\.PHONY: (\S+)$", (root / "Makefile").read_text(), re.MULTILINE)
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(["make"], cwd=root, env=alone, capture_output=True, text=True, check=True).stdout
    assert [line.split()[1] for line in shown.splitlines()] == targets


def test_the_budget_names_every_suite(root):
    suites = {path.name for path in (root / "tests").iterdir() if path.is_dir() and any(path.rglob("test_*.py"))}
    named = set(re.findall(r"^\| `tests/(\w+)` \|", (root / "docs" / "ci-budget.md").read_text(), re.MULTILINE))
    assert named == suites


def test_ci_lints_and_tests(root):
    assert (root / ".ci" / "run").read_text().rstrip().endswith("exec make lint test")
