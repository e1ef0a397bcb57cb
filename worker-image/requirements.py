"""Print what pyproject.toml wants installed, with the extras that are named: for an image's layer without the code."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = [requirement for extra in sys.argv[1:] for requirement in project["optional-dependencies"][extra]]
sys.stdout.write("\n".join([*project["dependencies"], *extras, ""]))
