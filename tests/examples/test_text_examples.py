"""The examples over source text, against plain Python that goes another way to the same answer."""

import dis
import re
import types
from collections import Counter, defaultdict

import pyarrow.parquet as pq
import pytest

BOTH_FORMS = pytest.mark.parametrize("form", ["job.py", "job.yaml"])


@BOTH_FORMS
def test_word_count_agrees_with_a_counter(run_example, data, form):
    expected = Counter()
    for path in (data / "python").rglob("*.py"):
        expected.update(re.findall("[a-z]+", path.read_text("utf-8").lower()))
    counted = run_example(f"wordcount/{form}")
    assert counted.num_rows == len(expected)
    assert dict(zip(counted["key"].to_pylist(), counted["value"].to_pylist(), strict=True)) == expected


def test_word_count_leaves_its_parts_in_the_output(run_example, tmp_path):
    counted = run_example("wordcount/job.py")
    parts = sorted((tmp_path / "out" / "wordcount").glob("part-*.parquet"))
    assert [part.name[:10] for part in parts] == [f"part-{number:05}" for number in range(4)]
    assert sum(pq.read_metadata(part).num_rows for part in parts) == counted.num_rows


@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning")
@BOTH_FORMS
def test_import_ranking_agrees_with_the_bytecode_of_the_sources(run_example, data, tmp_path, form):
    importers = defaultdict(set)
    for path in (data / "python").rglob("*.py"):
        name = str(path.relative_to(data / "python")).removesuffix(".py").replace("/", ".")
        for imported in imports_in_bytecode(path.read_text("utf-8")):
            importers[imported].add(name)
    ranking = run_example(f"imports/{form}")
    pairs = list(zip(ranking["key"].to_pylist(), ranking["value"].to_pylist(), strict=True))
    assert pairs == sorted(((len(names), module) for module, names in importers.items()), key=lambda p: (-p[0], p[1]))
    index = pq.read_table(sorted((tmp_path / "out" / "imports" / "index").glob("part-*.parquet")))
    assert dict(zip(index["key"].to_pylist(), index["value"].to_pylist(), strict=True)) == {
        module: sorted(names) for module, names in importers.items()
    }


def imports_in_bytecode(source: str) -> set[str]:
    """Modules that the compiled source imports by absolute name."""
    found = set()
    for code in nested_code(compile(source, "source", "exec")):
        constants: list[object] = []
        for instruction in dis.get_instructions(code):
            if instruction.opname == "LOAD_CONST":
                constants.append(instruction.argval)
            elif instruction.opname == "IMPORT_NAME" and constants[-2] == 0:  # the level: 0 is absolute
                found.add(instruction.argval)
    return found


def nested_code(code: types.CodeType):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)
