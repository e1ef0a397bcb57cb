"""What status holds, as tables like those of spec. docs/cluster.md says it in words.

Nothing has a limit here: a status that is refused would help nobody. Who writes it keeps it small.
"""

from __future__ import annotations

from gristmill.plan.fields import Field, Kind, Record

_COUNT = "as `done/total`"

CONDITION = Record(
    "condition",
    (
        Field("type", Kind.TEXT, "Planned, Running, Complete, Failed, Suspended or PodsReady.", required=True),
        Field("status", Kind.TEXT, "Whether it is so.", required=True, choices=("True", "False", "Unknown")),
        Field("reason", Kind.TEXT, "Why, in one word, for programs."),
        Field("message", Kind.TEXT, "Why, for people."),
        Field("lastTransitionTime", Kind.TIME, "Since when."),
    ),
)
PROGRESS = Record(
    "progress",
    (
        Field("maps", Kind.TEXT, f"Map tasks, {_COUNT}."),
        Field("reduces", Kind.TEXT, f"Reduce tasks, {_COUNT}."),
        Field("rows", Kind.INTEGER, "Rows read so far."),
        Field("bytes", Kind.INTEGER, "Bytes read so far."),
        Field("spilledBytes", Kind.INTEGER, "Bytes that did not fit into memory."),
        Field("skipped", Kind.INTEGER, "Records that were left out, as the job allows."),
    ),
)
LOCALITY = Record(
    "locality",
    (
        Field("local", Kind.INTEGER, "Map tasks that ran on the node of their data."),
        Field("zone", Kind.INTEGER, "In its zone."),
        Field("remote", Kind.INTEGER, "Elsewhere, or not known."),
    ),
)
LEDGER_ENTRY = Record(
    "ledgerEntry",
    (
        Field("time", Kind.TEXT, "When."),
        Field("task", Kind.TEXT, "Which task failed."),
        Field("cause", Kind.TEXT, "Of which kind the failure was."),
        Field("message", Kind.TEXT, "What it said."),
        Field("action", Kind.TEXT, "What was done about it."),
    ),
)


def _output(name: str) -> Record:
    return Record(
        name,
        (
            Field("name", Kind.TEXT, "Its name among several outputs."),
            Field("job", Kind.TEXT, "The job that wrote it."),
            Field("uri", Kind.TEXT, "Where it lies."),
            Field("generation", Kind.INTEGER, "Which commit it is."),
            Field("rows", Kind.INTEGER, "Its rows."),
            Field("bytes", Kind.INTEGER, "Its size."),
        ),
    )


JOB = Record(
    "job",
    (
        Field("name", Kind.TEXT, "Name of the job.", required=True),
        Field("phase", Kind.TEXT, "Where it stands."),
        Field("maps", Kind.TEXT, f"Map tasks, {_COUNT}."),
        Field("reduces", Kind.TEXT, f"Reduce tasks, {_COUNT}."),
        Field("rows", Kind.INTEGER, "Rows read so far."),
        Field("message", Kind.TEXT, "What it waits for, or died of."),
    ),
)
_STANDING = (
    Field("observedGeneration", Kind.INTEGER, "The generation of spec that this status is about."),
    Field("phase", Kind.TEXT, "Where it stands, in one word."),
    Field("message", Kind.TEXT, "What it waits for, or died of."),
    Field("conditions", Kind.RECORDS, "The same in detail.", record=CONDITION, named_by="type"),
)
_PODS = (
    Field("lead", Kind.TEXT, "The lead's pod."),
    Field("leads", Kind.INTEGER, "So many leads were started."),
    Field("workers", Kind.INTEGER, "Worker pods now."),
    Field("workersStarted", Kind.INTEGER, "So many worker pods were started."),
)
RUN_STATUS = Record(
    "status",
    (
        *_STANDING,
        Field("startTime", Kind.TIME, "When it began."),
        Field("completionTime", Kind.TIME, "When it ended."),
        Field("pool", Kind.TEXT, "The pool that it runs in."),
        *_PODS,
        Field("run", Kind.TEXT, "Id of its run in storage."),
        Field("progress", Kind.RECORD, "How far it is.", record=PROGRESS),
        Field("locality", Kind.RECORD, "Finished map tasks by where their data lay.", record=LOCALITY),
        Field("ledger", Kind.RECORDS, "The last failures.", record=LEDGER_ENTRY),
        Field("outputs", Kind.RECORDS, "What is committed.", record=_output("outputPointer")),
        Field("result", Kind.RECORD, "The rows that the caller gets.", record=_output("resultPointer")),
        Field("logs", Kind.TEXT, "Where the logs of its tasks lie."),
        Field("jobs", Kind.RECORDS, "The jobs that it became; the first 100.", record=JOB),
        Field("warnings", Kind.TEXTS, "What it is good to know."),
    ),
)
POOL_STATUS = Record(
    "status",
    (*_STANDING, *_PODS, Field("active", Kind.INTEGER, "Jobs and queries that run in it now.")),
)
