"""The logs of a run: from its lead while that lives, from pods through the API server, else from object storage.

For ``gristmill logs``. Lines are text without their ends; which task a line is of stands before it where several tasks
are shown together.
"""

from __future__ import annotations

from collections.abc import Iterator

from gristmill.api.cluster.failures import Missing
from gristmill.api.cluster.kinds import Body
from gristmill.api.cluster.lead import Lead
from gristmill.api.cluster.resources import Resources, ref_of
from gristmill.api.cluster.status import has_ended, is_active, status_of, stores_of
from gristmill.errors import ClusterError, GristmillError, InvalidPlan
from gristmill.ids import TaskId
from gristmill.kernel.task_log import log_name, task_of_log
from gristmill.storage.filesystem import canonical
from gristmill.storage.stores import Stores


def run_logs(resources: Resources, body: Body, task: str, *, follow: bool) -> Iterator[str]:
    """The lines of all tasks, or of ``task``; with ``follow`` as they come, until the run has ended.

    Raises InvalidPlan for what is not a task, Missing where no place has logs of it.
    """
    wanted = task_of(task, body["metadata"]["name"]) if task else ""
    lead = resources.lead_of(body)
    refused = ClusterError("it has no pods", place=str(ref_of(body)))
    if lead:
        try:
            yield from Lead(resources.connection, lead).logs(body["metadata"]["uid"], wanted, follow=follow)
        except ClusterError as error:
            refused = error
        else:
            return
    if lead and not wanted and is_active(body):
        yield from _container_lines(resources, lead, follow=follow)
    else:
        yield from _kept(body, wanted, refused)


def task_of(text: str, job: str) -> str:
    """The id of a task as a user writes it: ``wordcount/map/books#3``, or ``map/books#3`` of a run's only job.

    Raises InvalidPlan.
    """
    for candidate in (text, f"{job}/{text}"):
        try:
            return str(TaskId.parse(candidate))
        except ValueError:
            continue
    raise InvalidPlan(f"{text!r} is not a task", place="--task", remedy="For instance map/input#3 or reduce#0.")


def _container_lines(resources: Resources, pod: str, *, follow: bool) -> Iterator[str]:
    """What the lead's processes print: for users who may read logs of pods but not forward ports."""
    path = f"/api/v1/namespaces/{resources.connection.namespace}/pods/{pod}/log"
    for line in resources.connection.lines(path, container="agent", follow="true" if follow else "false"):
        yield line.decode("utf-8", "replace")


def _kept(body: Body, task: str, refused: ClusterError) -> Iterator[str]:
    """The logs in object storage, which the user's own credentials have to open."""
    ref, uri = ref_of(body), str(status_of(body).get("logs") or "")
    if not uri:
        waiting = "" if has_ended(body) else f"What it waits for: gristmill why {ref}"
        raise Missing(f"there are no logs of it: {refused.reason}", place=str(ref), remedy=waiting or refused.remedy)
    folder = canonical(uri).rstrip("/")
    stores = Stores(stores_of(body), None)
    try:
        files = stores.filesystem(folder)
        kept = sorted(entry.uri for entry in files.walk(folder))
        wanted = [each for each in kept if not task or each == f"{folder}/{log_name(TaskId.parse(task))}"]
        if not wanted:
            raise Missing(f"there is no log of {task or 'any task'}", place=uri)
        for each in wanted:
            name = "" if task else f"{task_of_log(each.removeprefix(f'{folder}/'))}  "
            for line in files.read(each).decode("utf-8", "replace").splitlines():
                yield f"{name}{line}"
    except Missing:
        raise
    except GristmillError as error:
        remedy = "Give this machine credentials of the bucket, or look while the pods are there."
        raise Missing(f"its logs cannot be read from here: {error.reason}", place=uri, remedy=remedy) from error
