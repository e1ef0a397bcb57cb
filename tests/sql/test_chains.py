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


def _stages(*jobs: JobPlan) -> list[str]:
    graph = compile_chain(ChainPlan(jobs), defaultdict(lambda: (Split((), 0),)))
    return [str(stage.id) for stage in graph.stages]


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
