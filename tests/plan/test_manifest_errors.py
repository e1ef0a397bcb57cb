"""What a manifest says when it is wrong: the place to the column, the reason, the nearest right name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.plan.manifest import load_manifest

GOOD = """\
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata: {name: wordcount}
spec:
  input:
    - {name: books, uri: "books/*.txt", format: text}
  map: {python: "wordcount:words"}
  reduce: {python: "wordcount:total"}
  partitions: 4
  output: {uri: out/, mode: error}
"""


def message(text: str) -> str:
    with pytest.raises(InvalidPlan) as caught:
        load_manifest(text, "job.yaml")
    return str(caught.value)


def test_the_manifest_that_the_others_spoil_is_good() -> None:
    assert load_manifest(GOOD).jobs[0].partitions == 4


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        (
            "format: text",
            "format: txt",
            "job.yaml:6:41 spec.input[0].format: unknown format 'txt'\n  Did you mean text?",
        ),
        (
            "partitions:",
            "partitons:",
            "job.yaml:9:3 spec.partitons: unknown field\n  Did you mean partitions?",
        ),
        (
            "partitions: 4",
            'partitions: "4"',
            "job.yaml:9:3 spec.partitions: expected a whole number, found text '4'",
        ),
        (
            "partitions: 4",
            "partitions: 0",
            "job.yaml:9:3 spec.partitions: must be at least 1, found 0",
        ),
        (
            "partitions: 4",
            "partitions: 4\n  partitions: 8",
            "job.yaml:10:3 spec.partitions: written twice, first in line 9\n  Remove one of them.",
        ),
        (
            "  partitions",
            "\tpartitions",
            "job.yaml:9:1: a tab where YAML wants spaces\n  Indent with spaces.",
        ),
        (
            "partitions: 4",
            "partition: 4",
            "job.yaml:9:3 spec.partition: expected one of hash, range, single, forward, found the number 4",
        ),
        (
            "name: wordcount",
            "name: 2024",
            'job.yaml:3:12 metadata.name: expected text, found the number 2024\n  Quote it: "2024".',
        ),
        (
            "name: wordcount",
            "name: no",
            'job.yaml:3:12 metadata.name: expected text, found the boolean no\n  Quote it: "no".',
        ),
        (
            "name: wordcount",
            "name: Word Count",
            "job.yaml:3:12 metadata.name: 'Word Count' is not a name for a job: lower-case letters, digits and dashes, "
            "at most 63\n  For instance word-count.",
        ),
        (
            "metadata: {name: wordcount}",
            "metadata: {}",
            "job.yaml:3:1 metadata: name is missing\n  For instance name: wordcount",
        ),
        (
            "metadata: {name: wordcount}\n",
            "",
            "job.yaml:1:1: metadata is missing\n  For instance metadata: {name: wordcount}",
        ),
        (
            "gristmill.dev/v1alpha1",
            "gristmill.dev/v1",
            "job.yaml:1:1 apiVersion: unknown apiVersion 'gristmill.dev/v1'\n  Did you mean gristmill.dev/v1alpha1?",
        ),
        (
            "kind: MapReduceJob",
            "kind: Job",
            "job.yaml:2:1 kind: unknown kind 'Job'\n  One of: MapReduceJob.",
        ),
        (
            "spec:",
            "spec: []\nstatus:",
            "job.yaml:4:1 spec: expected an object (spec), found a list",
        ),
        (
            'uri: "books/*.txt", ',
            "",
            "job.yaml:6:7 spec.input[0]: wants exactly one of uri, uris, fromJob; found none\n"
            '  For instance uri: "s3://books/*.txt"',
        ),
        (
            ", format: text}",
            "}",
            "job.yaml:6:21 spec.input[0].uri: needs format beside it\n  For instance format: parquet",
        ),
        (
            'uri: "books/*.txt", format: text}',
            'uri: "books/*.txt", format: text, key: word}',
            "job.yaml:6:55 spec.input[0].key: expected a list, found text 'word'\n  Write [word].",
        ),
        (
            '{python: "wordcount:words"}',
            '{python: "wordcount:words", sql: SELECT 1}',
            "job.yaml:7:3 spec.map: wants exactly one of python, sql, command; found python and sql\n"
            '  For instance python: "wordcount:words"',
        ),
        (
            '"wordcount:words"',
            "wordcount.py:words",
            "job.yaml:7:9 spec.map.python: 'wordcount.py:words' does not name a function\n  Write \"wordcount:words\".",
        ),
        (
            "mode: error",
            "mode: overwite",
            "job.yaml:10:23 spec.output.mode: unknown mode 'overwite'\n  Did you mean overwrite?",
        ),
        (
            "  output:",
            "  deadline: 30\n  output:",
            "job.yaml:10:3 spec.deadline: '30' is not a duration\n  Write \"30s\" for seconds.",
        ),
        (
            "format: text}",
            "format: text, splitSize: 64Mb}",
            "job.yaml:6:55 spec.input[0].splitSize: unknown unit of size 'Mb' in '64Mb'\n  Did you mean \"64MiB\"?",
        ),
        (
            'uri: "books/*.txt", format: text',
            "fromJob: wordcout",
            "job.yaml:6:21 spec.input[0].fromJob: there is no job 'wordcout'\n  Did you mean wordcount?",
        ),
        (
            'uri: "books/*.txt", format: text',
            "fromJob: wordcount",
            "job.yaml:6:21 spec.input[0].fromJob: jobs read each other in a circle: wordcount -> wordcount",
        ),
        (
            "format: text",
            "format: text, csv: {header: false}",
            "job.yaml:6:55 spec.input[0].csv: is for CSV, and the format is text\n"
            "  Set format: csv, or leave out header.",
        ),
        (
            "partitions: 4",
            "partitions: 6\n  hash: duckdb",
            "job.yaml:9:3 spec.partitions: hash: duckdb wants a power of two, found 6\n"
            "  Set partitions: 4 or 8, or hash: gm1.",
        ),
        (
            '{python: "wordcount:words"}',
            "{sql: SELECT 1 AS one}",
            "job.yaml:6:7 spec.input[0].key: partitioning by hash needs a key\n"
            "  Set key: [column], or partition: single for one reducer.",
        ),
        (
            "spec:",
            "spec: &all\n  <<: *all",
            "job.yaml:5:3 spec.<<: merge keys are not supported\n  Write the fields out.",
        ),
        (
            "name: wordcount}",
            "name: wordcount",
            "job.yaml:4:5: not YAML: while parsing a flow mapping, expected ',' or '}', but got ':'",
        ),
        ("kind", "\x00kind", "job.yaml: not YAML: special characters are not allowed at character 35"),
        (
            "name: wordcount",
            "name: !!binary aGk=",
            "job.yaml:3:12 metadata.name: expected text, found a value tagged tag:yaml.org,2002:binary aGk=\n"
            '  Quote it: "aGk=".',
        ),
        (
            "name: wordcount",
            "1: wordcount, name: w",
            "job.yaml:3:12 metadata.1: unknown field\n  One of: annotations, labels, name, namespace.",
        ),
    ],
)
def test_one_mistake_is_told_with_place_reason_and_remedy(right: str, wrong: str, expected: str) -> None:
    assert right in GOOD
    assert message(GOOD.replace(right, wrong, 1)) == expected


def test_several_mistakes_are_told_together() -> None:
    spoiled = GOOD.replace("format: text", "format: txt").replace("map:", "mapp:").replace("4", "four")
    assert message(spoiled) == (
        "job.yaml: 3 problems\n"
        "  job.yaml:6:41 spec.input[0].format: unknown format 'txt' (Did you mean text?)\n"
        "  job.yaml:7:3 spec.mapp: unknown field (Did you mean map?)\n"
        "  job.yaml:9:3 spec.partitions: expected a whole number, found text 'four'"
    )


def test_a_hundred_mistakes_do_not_fill_the_screen() -> None:
    spoiled = GOOD + "".join(f"  wrong{number}: 1\n" for number in range(100))
    lines = message(spoiled).splitlines()
    assert lines[0] == "job.yaml: 100 problems"
    assert lines[-1] == "  and 90 more"
    assert len(lines) == 12


@pytest.mark.parametrize("text", ["", "---\n---\n", "# only a comment\n", "null\n"])
def test_a_file_without_a_job_says_so(text: str) -> None:
    assert message(text) == (
        "job.yaml: holds no MapReduceJob\n  A manifest starts with apiVersion, kind, metadata, spec."
    )


def test_a_document_that_is_no_object_says_so() -> None:
    assert message("- a\n- b\n") == "job.yaml:1:1: expected an object (manifest), found a list"


def test_brackets_without_end_are_refused_and_not_followed() -> None:
    assert message("[" * 100_000) == "job.yaml: lists or objects stand in each other too deeply"


def test_empty_documents_beside_a_job_are_read_over() -> None:
    assert load_manifest(f"---\n{GOOD}---\n") == load_manifest(GOOD)


def test_two_jobs_without_a_line_between_them_get_the_line_named() -> None:
    assert (
        "job.yaml:11:1 apiVersion: written twice, first in line 1 (Put a line --- between two documents.)"
        in message(GOOD + GOOD)
    )


def test_two_jobs_of_one_name_are_refused() -> None:
    other = GOOD.replace("uri: out/", "uri: other/")
    assert message(f"{GOOD}---\n{other}") == (
        "job.yaml:14:12 metadata.name: there are two jobs 'wordcount'\n  Give each job its own name."
    )


def test_a_circle_of_jobs_is_told_once() -> None:
    first = GOOD.replace('uri: "books/*.txt", format: text', "fromJob: second")
    second = GOOD.replace('uri: "books/*.txt", format: text', "fromJob: wordcount").replace(
        "{name: wordcount}", "{name: second}"
    )
    assert message(f"{first}---\n{second}") == (
        "job.yaml:6:21 spec.input[0].fromJob: jobs read each other in a circle: wordcount -> second -> wordcount"
    )


def test_one_file_has_one_result_and_one_scratch() -> None:
    first = GOOD + "  chain: {result: true, scratch: a/}\n"
    second = first.replace("{name: wordcount}", "{name: second}").replace("a/", "b/").replace("out/", "other/")
    assert message(f"{first}---\n{second}") == (
        "job.yaml: 2 problems\n"
        "  job.yaml:23:11 spec.chain.result: job 'wordcount' is the result already (Keep it in one job of the file.)\n"
        "  job.yaml:23:25 spec.chain.scratch: the jobs of one file differ: 'a/', 'b/'"
        " (Write the same in each; a job's own scratch is spec.scratch.)"
    )


def test_what_the_api_server_adds_is_read_over() -> None:
    served = GOOD.replace(
        "{name: wordcount}",
        "{name: wordcount, uid: 1234, managedFields: [{manager: kubectl}], creationTimestamp: 2026-01-01T00:00:00Z}",
    )
    assert load_manifest(served + "status: {phase: Running}\n") == load_manifest(GOOD)


def test_a_manifest_in_json_is_a_manifest() -> None:
    text = (
        '{"apiVersion": "gristmill.dev/v1alpha1", "kind": "MapReduceJob", "metadata": {"name": "j"},\n'
        ' "spec": {"input": [{"uri": "a.parquet", "format": "parqet"}]}}'
    )
    assert message(text) == ("job.yaml:2:42 spec.input[0].format: unknown format 'parqet'\n  Did you mean parquet?")


SCRAPS = [
    "",
    "\n",
    "  ",
    "\t",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!set ",
    "<<: ",
    "? ",
    "null",
    "yes",
    "1",
    "'",
    "|\n",
    "---\n",
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 20), st.sampled_from(SCRAPS)), max_size=4))
def test_whatever_is_written_gives_a_plan_or_says_what_is_wrong(edits: list[tuple[int, int, str]]) -> None:
    text = GOOD
    for at, removed, put in edits:
        text = text[:at] + put + text[at + removed :]
    try:
        place = load_manifest(text, "job.yaml") and "job.yaml"
    except InvalidPlan as error:
        place = error.place
    assert str(place).startswith("job.yaml")
