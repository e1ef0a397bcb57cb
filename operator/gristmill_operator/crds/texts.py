"""What texts must look like, by the form of their field: limits of length, and rules with words for people.

Expressions stay cheap: an API server estimates the cost of each by the longest text and list that the schema allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.plan.fields import Form
from gristmill_operator.crds.rule import Rule

_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_LABEL_NAME = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
_ENTRY = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_.]*$"
IDENTIFIER = "^[A-Za-z_][A-Za-z0-9_]*$"
DURATION = Rule(
    r"self.matches('^( *[0-9]+([.][0-9]+)?(ms|s|m|h|d) *)+$') && self.matches('[1-9]')",
    "is not a duration of more than nothing: write 30s, 5m, 1h30m or 500ms",
)
SIZE = Rule(
    r"type(self) == int ? self > 0 : string(self).matches('^ *[0-9]+([.][0-9]+)? *([KMGTP]i?B?|kB|B|)$') "
    "&& string(self).matches('[1-9]')",
    "is not a size of more than nothing: write 64MiB, 1GiB, or a number of bytes",
)
QUANTITY = Rule(
    "type(self) == int ? self >= 0 : isQuantity(string(self)) && !string(self).startsWith('-')",
    "is not a quantity: write 4Gi, 500m or 2",
)
_REACHED = (
    "self.contains('://') && !self.startsWith('file:') && !self.startsWith('memory:') && !self.startsWith('pvc:///')"
)
_READ = Rule(
    _REACHED,
    "pods cannot reach it: name a bucket (s3://BUCKET/…) or a volume (pvc://CLAIM/path)",
)
_WRITE = Rule(
    f"{_REACHED} && !self.startsWith('http')",
    "pods cannot write to it: name a bucket (s3://BUCKET/…) or a volume (pvc://CLAIM/path)",
)


@dataclass(frozen=True, slots=True)
class TextForm:
    """``most`` characters, at least ``least``; ``rules`` hold of the text, ``names`` and ``values`` of a map's."""

    most: int = 1024
    least: int = 0
    rules: tuple[Rule, ...] = ()
    names: str = ""
    values: str = ""
    message: str = ""


FORMS = {
    Form.FREE: TextForm(),
    Form.NAME: TextForm(
        253,
        rules=(Rule(f"self.matches('{_NAME}')", "is no name: lower-case letters, digits, - and ."),),
    ),
    Form.IDENTIFIER: TextForm(
        63,
        rules=(Rule(f"self.matches('{IDENTIFIER}')", "is no name of a table: letters, digits and _"),),
        names=f"n.matches('{IDENTIFIER}') && size(n) <= 63",
        message="each name is one of a table: letters, digits and underscores, at most 63",
    ),
    Form.FUNCTION: TextForm(
        512,
        rules=(
            Rule(
                f"self.matches('{_ENTRY}') && !self.contains('.py:')",
                "is no function: write module:function",
            ),
        ),
    ),
    Form.SQL: TextForm(131_072, least=1),
    Form.READ_URI: TextForm(rules=(_READ,)),
    Form.WRITE_URI: TextForm(rules=(_WRITE,)),
    Form.URL: TextForm(
        rules=(Rule("self.matches('^https?://[^/ ]+/?$')", "is not a URL of a service: write http://HOST:PORT"),)
    ),
    Form.SHA256: TextForm(
        64, rules=(Rule("self.matches('^[0-9a-f]{64}$')", "is not 64 hex digits in lower case: sha256sum prints them"),)
    ),
    Form.CHARACTER: TextForm(1),
    Form.PATH: TextForm(
        262_144,
        names=r"!n.startsWith('/') && !n.contains('\\') && !n.split('/').exists(s, s in ['', '.', '..'])",
        message="each name is a relative path with forward slashes, without ..",
    ),
    Form.VARIABLE: TextForm(
        256,
        rules=(
            Rule("self.matches('^[A-Za-z_][A-Za-z0-9_]*$')", "is not a name of a variable"),
            Rule("!self.startsWith('GRISTMILL_')", "GRISTMILL_… are the pods' own: choose another name"),
        ),
    ),
    Form.LABELS: TextForm(
        63,
        names=f"n.matches('{_LABEL_NAME}')",
        values=f"self.matches('{_LABEL_VALUE}')",
        message="each name is one of a label: letters, digits, -, _ and ., after an optional DOMAIN/",
    ),
    Form.ANNOTATIONS: TextForm(
        4096,
        names=f"n.matches('{_LABEL_NAME}')",
        message="each name is one of an annotation: letters, digits, -, _ and ., after an optional DOMAIN/",
    ),
}
