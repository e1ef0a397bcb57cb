"""The definitions as files, as they lie in crds/."""

from __future__ import annotations

import json

import yaml

from gristmill_operator.crds.definition import KINDS, definition

_HEAD = "# Made by `make crds` from the tables of fields in core/gristmill/plan. Do not edit.\n"


_LINE = 240
"""What fits into so many characters stands in one line."""


class _Dumper(yaml.SafeDumper):
    """Without anchors, and small things in one line: the files stay short enough to be read."""

    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_data(self, data: object) -> yaml.Node:
        node = super().represent_data(data)
        if isinstance(node, yaml.CollectionNode):
            node.flow_style = len(json.dumps(data, ensure_ascii=False)) <= _LINE
        return node


def files() -> dict[str, str]:
    """The text of each definition by the name of its file."""
    return {f"{kind.plural}.yaml": _HEAD + _text(definition(kind)) for kind in KINDS}


def _text(form: object) -> str:
    return str(yaml.dump(form, Dumper=_Dumper, sort_keys=False, width=400, allow_unicode=True))
