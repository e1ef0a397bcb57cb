"""Plan to JSON and back, plan to manifest and back: nothing is lost."""

from __future__ import annotations

import string
from pathlib import Path
from typing import TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gristmill.errors import InvalidPlan
from gristmill.plan.cluster import ClusterOptions, EnvVariable, PodOptions, Toleration
from gristmill.plan.codec import from_json, to_json
from gristmill.plan.exchange import ExchangeKind, HashName
from gristmill.plan.fragment import (
    Calling,
    Code,
    CodeFile,
    CommandFragment,
    PythonFragment,
    PythonFunction,
    SqlFragment,
)
from gristmill.plan.job import (
    ChainPlan,
    JobInput,
    JobPlan,
    Output,
    OutputMode,
    RetryPolicy,
    SideInput,
    Store,
)
from gristmill.plan.manifest import dump_manifest, load_manifest
from gristmill.plan.schema import Column, SortKey
from gristmill.plan.source import FileSource, Format, JobSource
from gristmill.plan.validate import chain_findings

T = TypeVar("T")

JOIN = ChainPlan(
    (
        JobPlan(
            "revenue",
            inputs=(
                JobInput(
                    "o",
                    FileSource(("s3://shop/orders/*.parquet",), Format.PARQUET),
                    SqlFragment("SELECT orderkey, custkey FROM input"),
                    ("orderkey",),
                ),
                JobInput(
                    "l",
                    FileSource(("s3://shop/lines/*.parquet",), Format.PARQUET),
                    SqlFragment("SELECT orderkey, price FROM input"),
                    ("orderkey",),
                ),
            ),
            reduce=SqlFragment("SELECT custkey, sum(price) AS revenue FROM o JOIN l USING (orderkey) GROUP BY custkey"),
        ),
    )
)
JOIN_MANIFEST = """\
apiVersion: gristmill.dev/v1alpha1
kind: MapReduceJob
metadata:
  name: revenue
spec:
  input:
  - name: o
    uri: s3://shop/orders/*.parquet
    format: parquet
    map:
      sql: SELECT orderkey, custkey FROM input
    key:
    - orderkey
  - name: l
    uri: s3://shop/lines/*.parquet
    format: parquet
    map:
      sql: SELECT orderkey, price FROM input
    key:
    - orderkey
  reduce:
    sql: SELECT custkey, sum(price) AS revenue FROM o JOIN l USING (orderkey) GROUP BY custkey
"""


def test_a_join_of_two_inputs_turns_into_json_and_manifest_and_back() -> None:
    assert from_json(to_json(JOIN), ChainPlan) == JOIN
    assert dump_manifest(JOIN) == JOIN_MANIFEST
    assert load_manifest(JOIN_MANIFEST) == JOIN


words = st.text(string.ascii_letters + string.digits + " ./:-_'\"#{}[],&*!|>%@`\t\n\\éß漢\u2028\x85\x00", min_size=1)
texts = words.filter(str.strip)
identifiers = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(lambda name: name != "input")
columns = st.lists(identifiers, min_size=1, max_size=2, unique=True).map(tuple)
schemas = columns.map(lambda names: tuple(Column(name, "DECIMAL(15,2)") for name in names))
seconds = st.floats(min_value=1e-3, max_value=1e9)
text_pairs = st.dictionaries(identifiers, st.text("ab01:é \n", max_size=3), max_size=2).map(lambda d: tuple(d.items()))
functions = st.builds(PythonFunction, st.sampled_from(["m:f", "pkg.m:K.f"]))
python = st.builds(PythonFragment, functions, st.sampled_from(Calling), st.none() | schemas)
commands = st.builds(CommandFragment, st.lists(texts, min_size=1, max_size=2).map(tuple), st.none() | schemas)
fragments = python | commands | st.builds(SqlFragment, texts)


@st.composite
def file_sources(draw: st.DrawFn) -> FileSource:
    format_ = draw(st.sampled_from(Format))
    csv = {}
    if format_ is Format.CSV:
        csv = draw(
            st.fixed_dictionaries(
                {
                    "header": st.booleans(),
                    "delimiter": st.sampled_from(",;\t|"),
                    "quote": st.sampled_from(["", '"', "'"]),
                    "null": st.sampled_from(["", "NA", "null", "~"]),
                    "newlines": st.booleans(),
                }
            )
        )
    return FileSource(
        uris=draw(st.lists(texts, min_size=1, max_size=2).map(tuple)),
        format=format_,
        whole=format_ is Format.TEXT and draw(st.booleans()),
        schema=None if format_ is Format.TEXT else draw(st.none() | schemas),
        hive=draw(st.booleans()),
        unify=draw(st.booleans()),
        split_bytes=draw(st.none() | st.integers(1, 1 << 40)),
        **csv,
    )


outputs_without_name = st.builds(
    Output,
    texts,
    format=st.sampled_from([Format.PARQUET, Format.CSV]),
    mode=st.sampled_from(OutputMode),
    compression=st.sampled_from(["", "none", "zstd"]),
    partition_by=st.just(()) | columns,
)
codes = st.one_of(
    st.just(Code()),
    st.builds(
        Code,
        inline=st.dictionaries(st.sampled_from(["m.py", "pkg/m.py"]), st.text("ab \n\t:#'\"", max_size=9)).map(
            lambda files: tuple(CodeFile(*file) for file in files.items())
        ),
        requirements=st.lists(texts, max_size=2).map(tuple),
    ),
    st.builds(Code, local=st.just(("m.py", "pkg/m.py"))),
    st.builds(Code, config_map=texts),
    st.builds(Code, uri=texts, sha256=st.just("0" * 64)),
    st.builds(Code, image=texts),
)
stores = st.builds(
    Store,
    st.sampled_from(["s3://", "s3://a/", "gs://"]),
    endpoint=st.sampled_from(["", "http://minio:9000"]),
    region=st.sampled_from(["", "eu"]),
    path_style=st.booleans(),
    anonymous=st.booleans(),
    secret=st.sampled_from(["", "keys"]),
)
tolerations = st.builds(
    Toleration,
    key=st.just("") | texts,
    operator=st.sampled_from(["Equal", "Exists"]),
    value=st.just("") | texts,
    effect=st.sampled_from(["", "NoSchedule", "NoExecute"]),
    seconds=st.none() | st.integers(0, 9),
)
variables = st.builds(EnvVariable, identifiers, texts) | st.builds(EnvVariable, identifiers, st.just(""), texts, texts)
quantities = st.dictionaries(identifiers, st.sampled_from(["2", "0.5", "4Gi", "500m", "1e3"]), max_size=2).map(
    lambda d: tuple(d.items())
)
pods = st.builds(
    PodOptions,
    requests=quantities,
    limits=quantities,
    labels=text_pairs,
    annotations=text_pairs,
    node_selector=text_pairs,
    tolerations=st.lists(tolerations, max_size=2).map(tuple),
    service_account=st.just("") | texts,
    priority_class=st.just("") | texts,
    image_pull_secrets=st.lists(texts, max_size=2).map(tuple),
    env=st.lists(variables, max_size=2).map(tuple),
    cache_claim=st.just("") | texts,
)
clusters = st.builds(
    ClusterOptions,
    pool=st.just("") | texts,
    workers=st.none() | st.integers(0, 9),
    pod=st.just(PodOptions()) | pods,
    ttl_s=st.none() | st.integers(0, 10),
    suspend=st.booleans(),
    cancel=st.booleans(),
    managed_by=st.just("") | texts,
    namespace=st.just("") | texts,
    annotations=text_pairs,
)


@st.composite
def jobs(draw: st.DrawFn, name: str, others: list[str]) -> JobPlan:
    sources = file_sources()
    if others:
        sources |= st.builds(JobSource, st.sampled_from(others))
    map_only = draw(st.booleans())
    key_length = 0 if map_only else draw(st.integers(0, 2))
    keys = st.lists(identifiers | st.just("key"), min_size=key_length, max_size=key_length, unique=True).map(tuple)
    names = draw(st.lists(identifiers, min_size=1, max_size=3, unique=True))
    inputs = [
        JobInput(
            input_name,
            draw(sources),
            map=draw(st.none() | fragments),
            key=draw(keys),
            exchange=draw(st.none() | st.just(ExchangeKind.BROADCAST)) if at and key_length else None,
            note=draw(st.just("") | texts),
        )
        for at, input_name in enumerate(names)
    ]
    reduce = None if map_only else draw(fragments if not key_length else st.none() | fragments)
    custom = draw(st.none() | functions) if key_length else None
    kinds = [ExchangeKind.HASH, ExchangeKind.FORWARD] if map_only else [ExchangeKind.SINGLE, ExchangeKind.FORWARD]
    plain = st.sampled_from([*kinds, ExchangeKind.HASH, ExchangeKind.RANGE] if key_length else kinds)
    orders = columns.map(lambda names: tuple(SortKey(by, len(by) > 2, len(by) > 3) for by in names))
    named = draw(st.lists(identifiers, max_size=2, unique=True))
    several = tuple(Output(f"out{at}/", name=name, format=Format.JSON) for at, name in enumerate(named))
    return JobPlan(
        name=name,
        inputs=tuple(inputs),
        reduce=reduce,
        combine=draw(st.none() | fragments) if reduce else None,
        partition=ExchangeKind.CUSTOM if custom else draw(plain),
        partitioner=custom,
        hash=draw(st.sampled_from(HashName)),
        partitions=None if map_only else draw(st.none() | st.just(1) if custom is None else st.just(4)),
        sort=() if map_only else draw(st.just(()) | orders),
        side_inputs=draw(st.lists(st.builds(SideInput, identifiers, sources), max_size=1).map(tuple)),
        outputs=draw(st.just(several) | outputs_without_name.map(lambda output: (output,))),
        code=draw(codes),
        retry=draw(
            st.builds(
                RetryPolicy,
                errors=st.integers(0, 9),
                oom=st.integers(0, 9),
                timeouts=st.integers(0, 9),
                task_timeout_s=st.none() | seconds,
                skip_records=st.integers(0, 9),
            )
        ),
        scratch=draw(st.just("") | texts),
        deadline_s=draw(st.none() | seconds),
        note=draw(st.just("") | texts),
        single_reason=draw(st.just("") | texts),
        labels=draw(text_pairs),
        cluster=draw(clusters),
    )


@st.composite
def chains(draw: st.DrawFn) -> ChainPlan:
    names = draw(st.lists(st.sampled_from(["a", "b", "c2", "d-e"]), min_size=1, max_size=3, unique=True))
    made = [draw(jobs(name, names[:at])) for at, name in enumerate(names)]
    return ChainPlan(
        jobs=tuple(made),
        result=draw(st.just("") | st.sampled_from(names)),
        stores=tuple(draw(st.lists(stores, max_size=2, unique_by=lambda store: store.prefix))),
        scratch=draw(st.just("") | texts),
    )


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(chains())
def test_every_valid_chain_comes_back_from_its_manifest_unchanged(chain: ChainPlan) -> None:
    assume(not chain_findings(chain))
    assert load_manifest(dump_manifest(chain)) == chain


def test_what_a_manifest_may_leave_out_is_left_out() -> None:
    pairs = PythonFragment(PythonFunction("m:f"))
    lines = FileSource(("a.txt",), Format.TEXT)
    chain = ChainPlan(
        (
            JobPlan("a", (JobInput("input", lines, pairs, ("key",)),), reduce=pairs),
            JobPlan("b", (JobInput("input", JobSource("a"), None, ("key",)),), reduce=pairs, partitions=1),
            JobPlan("c", (JobInput("input", JobSource("b"), None, ()),), reduce=pairs, partition=ExchangeKind.SINGLE),
        )
    )
    specs = [document["spec"] for document in yaml.safe_load_all(dump_manifest(chain))]
    assert "key" not in specs[0]["input"][0]
    assert "key" not in specs[1]["input"][0]
    assert specs[2]["input"][0]["key"] == []
    assert load_manifest(dump_manifest(chain)) == chain


def test_a_select_of_constants_needs_no_input() -> None:
    chain = ChainPlan((JobPlan("one", (), reduce=SqlFragment("SELECT 1 AS one"), partition=ExchangeKind.SINGLE),))
    assert "input" not in dump_manifest(chain)
    assert load_manifest(dump_manifest(chain)) == chain


def test_documents_may_stand_in_any_order() -> None:
    chain = ChainPlan(
        (
            JobPlan("first", (JobInput("input", FileSource(("a.parquet",), Format.PARQUET)),)),
            JobPlan("second", (JobInput("input", JobSource("first")),)),
            JobPlan("third", (JobInput("input", JobSource("second")),)),
        )
    )
    documents = dump_manifest(chain).split("---\n")[1:]
    assert load_manifest("---\n".join(reversed(documents))) == chain


def test_a_pickled_function_is_named_with_the_way_out() -> None:
    pickled = PythonFragment(PythonFunction("<lambda>", b"code"))
    input_ = JobInput("books", FileSource(("a.txt",), Format.TEXT), pickled, ("key",))
    chain = ChainPlan((JobPlan("count", (input_,), reduce=pickled),))
    with pytest.raises(InvalidPlan) as caught:
        dump_manifest(chain)
    assert str(caught.value) == (
        "chain: 2 problems\n"
        "  job count, map of input books: the function <lambda> is a pickle, which a manifest cannot hold"
        ' (Put it into a file of the job\'s code, and name it "module:function".)\n'
        "  job count, reduce: the function <lambda> is a pickle, which a manifest cannot hold"
        ' (Put it into a file of the job\'s code, and name it "module:function".)'
    )


def test_source_files_beside_the_manifest_are_put_inline(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "count.py").write_text("def words(name, text): ...\n")
    input_ = JobInput("input", FileSource(("a.txt",), Format.TEXT), PythonFragment(PythonFunction("lib.count:words")))
    chain = ChainPlan((JobPlan("count", (input_,), code=Code(local=("lib/count.py",))),))
    manifest = dump_manifest(chain)
    assert load_manifest(manifest) == chain
    (job,) = load_manifest(manifest, "job.yaml", tmp_path).jobs
    assert job.code == Code(inline=(CodeFile("lib/count.py", "def words(name, text): ...\n"),))


def test_a_source_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    input_ = JobInput("input", FileSource(("a.txt",), Format.TEXT))
    chain = ChainPlan((JobPlan("count", (input_,), code=Code(local=("count.py",))),))
    with pytest.raises(InvalidPlan, match=r"job count, code.files count.py: No such file or directory"):
        load_manifest(dump_manifest(chain), "job.yaml", tmp_path)
