"""What the pages on installing say can be done so: values are taken, scripts parse, what they name is there."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.support.helm_chart import CHART, Helm

ROOT = CHART.parent.parent
PAGES = {name: (ROOT / "docs" / name).read_text() for name in ("install.md", "install-kind.md")}
VALUES = re.findall(r"^```yaml\n(.*?)^```$", PAGES["install.md"], re.MULTILINE | re.DOTALL)


def script(page: str) -> str:
    """All blocks marked sh, as the workflow runs them."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGES[page], re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("values", VALUES, ids=[block.splitlines()[0] for block in VALUES])
def test_values_of_the_page_are_taken(helm: Helm, values: str) -> None:
    assert helm.render(yaml.safe_load(values))


@pytest.mark.parametrize("page", PAGES)
def test_scripts_parse(page: str) -> None:
    done = subprocess.run(["bash", "-n"], input=script(page), text=True, capture_output=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("page", PAGES)
def test_files_that_scripts_name_are_there(page: str) -> None:
    named = re.findall(r"(?<![\w./-])((?:examples|charts|worker-image|crds)/[\w./-]*)", script(page))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_workflow_runs_the_page_on_kind() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "kind.yaml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["install-kind"]["steps"] if "run" in step]
    extract = commands[0].rpartition("|")[0]
    done = subprocess.run(["bash", "-c", extract], cwd=ROOT, text=True, capture_output=True, check=True)
    assert done.stdout.split() == script("install-kind.md").split()


def test_image_tags_of_the_page_are_those_of_the_chart() -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    tags = re.findall(r"gristmill(?:-worker)?:([\w.]+)", script("install-kind.md") + script("install.md"))
    assert set(tags) == {version}
