"""``python -m gristmill_operator.crds FOLDER`` writes the definitions there, a file for each."""

from __future__ import annotations

import sys
from pathlib import Path

from gristmill_operator.crds.files import files


def main(folder: Path) -> None:
    """Writes them."""
    for name, text in files().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
