"""docs/cli.md lists every exit code that an error can have, and no other."""

import re

from gristmill.errors import GristmillError


def exit_codes(kind: type[GristmillError]) -> set[int]:
    return {kind.exit_code}.union(*(exit_codes(child) for child in kind.__subclasses__()))


def test_documented_exit_codes_are_those_of_the_errors(root):
    documented = {
        int(code) for code in re.findall(r"^\| (\d+) \|", (root / "docs" / "cli.md").read_text(), re.MULTILINE)
    }
    assert documented == exit_codes(GristmillError) | {0}
