"""What the SQL planner counts on of the stage compiler: order by what is read, and no circles."""

from collections import defaultdict

import pytest

from gristmill.errors import InvalidPlan
from gristmill.plan.compile import compile_chain
from gristmill.plan.exchange import ExchangeKind
from gristmill.plan.fragment import SqlFragment
from gristmill.plan.job import ChainPlan, JobInput, JobPlan, Output, SideInput
from gristmill.plan.source import FileSource, Format, JobSource, Split

FILES = FileSource(("/t.parquet",), Format.PARQUET)
FIRST = JobPlan("first", (JobInput("in1", FILES, key=("a",)),), SqlFragment("FROM in1"), partitions=2)
TOP = JobPlan(
    "top",
    (JobInput("in2", JobSource("first")),),
    SqlFragment("SELECT max(a) AS a FROM in2"),
    partition=ExchangeKind.SINGLE,
    partitions=1,
)


def _job(map_sql: str, key: tuple[str, ...] = ()) -> JobPlan:
    given = JobInput("in3", JobSource("first"), SqlFragment(map_sql), key)
    reduce = SqlFragment("FROM in3 JOIN side ON side.a = in3.a") if key else None
    return JobPlan(
        "last",
        (given,),
        reduce,
        partitions=2 if key else None,
        side_inputs=(SideInput("side", JobSource("top")),),
        outputs=(Output("/out"),),
    )


def _stages(*jobs: JobPlan, tasks: int = 1) -> list[str]:
    graph = compile_chain(ChainPlan(jobs), defaultdict(lambda: (Split((), 0),) * tasks))
    return [str(stage.id) for stage in graph.stages]


def _of_one_task(reduce_sql: str, *sides: SideInput) -> JobPlan:
    return JobPlan(
        "one",
        (JobInput("in4", FILES, SqlFragment("FROM input")),),
        SqlFragment(reduce_sql),
        partition=ExchangeKind.SINGLE,
        partitions=1,
        side_inputs=sides,
    )


def test_a_map_that_waits_for_its_own_tasks_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="wait for each other: first, top"):
        _stages(FIRST, TOP, _job("FROM input JOIN side USING (a)"))


def test_a_reduce_may_read_what_its_input_was_made_into() -> None:
    assert _stages(FIRST, TOP, _job("FROM input", ("a",))) == [
        "first/map/in1",
        "first/reduce",
        "top/reduce",
        "last/reduce",
    ]


def test_stages_stand_after_those_whose_rows_they_read() -> None:
    side = JobPlan("top", (JobInput("in2", FILES),))
    stages = _stages(FIRST, side, _job("FROM input JOIN side USING (a)"))
    assert stages.index("top/map/in2") < stages.index("first/reduce")


def test_the_only_task_of_a_map_reduces_its_rows_itself() -> None:
    job = _of_one_task("SELECT sum(a) AS a FROM in4")
    (stage,) = compile_chain(ChainPlan((job,)), defaultdict(lambda: (Split((), 0),))).stages
    assert str(stage.id) == "one/map/in4"
    assert stage.body.fragment == SqlFragment("FROM input")
    assert not stage.outlets  # nobody reads the job, and it stores nothing
    assert _stages(job, tasks=2) == ["one/map/in4", "one/reduce"]


def test_what_the_only_task_has_reduced_goes_where_the_job_is_read() -> None:
    reader = JobPlan("last", (JobInput("in5", JobSource("one"), key=("a",)),), SqlFragment("FROM in5"), partitions=2)
    job = _of_one_task("SELECT sum(a) AS a FROM in4")
    graph = compile_chain(ChainPlan((job, reader)), defaultdict(lambda: (Split((), 0),)))
    assert [str(stage.id) for stage in graph.stages] == ["one/map/in4", "last/reduce"]
    (outlet,) = graph.stages[0].outlets
    assert [step.fragment for step in outlet.steps] == [job.reduce]


def test_a_reduce_that_waits_for_more_or_has_several_readers_is_a_task_of_its_own() -> None:
    side = JobPlan("top", (JobInput("in2", FILES),))
    waiting = _of_one_task("FROM in4 JOIN side USING (a)", SideInput("side", JobSource("top")))
    assert "one/reduce" in _stages(side, waiting)
    readers = [JobPlan(name, (JobInput("in5", JobSource("one")),), outputs=(Output(f"/{name}"),)) for name in "ab"]
    assert "one/reduce" in _stages(_of_one_task("FROM in4"), *readers)
