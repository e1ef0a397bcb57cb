"""The same command as a plugin of kubectl: ``kubectl gristmill get``, and its completion.

kubectl finds both by the names of their scripts on the PATH. It hands over what stands after the plugin's name; options
of its own (``-n``, ``--context``) may stand before or after a command there.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from contextlib import redirect_stdout, suppress

from gristmill_cli.clusters import chosen
from gristmill_cli.main import app, end, run

NAME = "kubectl gristmill"
_NO_FILES, _FILES = ":4", ":0"
"""Cobra's directives: whether the shell may offer files besides."""


def main() -> None:
    """``kubectl-gristmill``: as ``gristmill``, on the cluster where there is a choice."""
    chosen.plugin = True
    end(run(NAME))


def complete() -> None:
    """``kubectl_complete-gristmill``: what may stand for the last argument, a line each, then cobra's directive."""
    chosen.plugin = True
    words = ["gristmill", *sys.argv[1:]]
    os.environ |= {
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
        "_GRISTMILL_COMPLETE": "complete_bash",
    }
    with redirect_stdout(io.StringIO()) as caught, suppress(SystemExit):
        app(prog_name="gristmill")
    offered = caught.getvalue().split("\n")
    sys.stdout.write("\n".join([*filter(None, offered), _NO_FILES if any(offered) else _FILES]) + "\n")
