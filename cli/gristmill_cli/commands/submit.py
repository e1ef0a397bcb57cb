"""``gristmill submit``: a job of a manifest or a Python file, on a cluster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gristmill_cli.clusters import chosen, live, print_bodies, resources_of
from gristmill_cli.options import Context, KubeConfig, Namespace, Quiet, Resource, ResourceFormat

if TYPE_CHECKING:
    from gristmill.api.cluster.bodies import Prepared
    from gristmill.api.cluster.kinds import Body
    from gristmill.api.cluster.resources import Resources


def register(app: typer.Typer) -> None:
    """Adds the command to ``app``."""
    app.command(rich_help_panel="On a cluster")(submit)


def submit(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="JOB.yaml|JOB.py", help="A manifest of jobs, queries or pools, or Python that makes gm.Job."
        ),
    ],
    *,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="Which job of a Python file; default: job.")
    ] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Another name for the only job of a file.")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Add five letters to each name, so that it can be submitted again.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end; exit codes as those of run.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the resources, and make nothing.")] = False,
    output: Resource = ResourceFormat.NAME,
    quiet: Quiet = False,
    context: Context = "",
    namespace: Namespace = "",
    kubeconfig: KubeConfig = "",
) -> None:
    """Send a job to a cluster, with its script and the modules it imports; prints its name."""
    from gristmill.api.cluster.submission import submit as make
    from gristmill.api.cluster.submission import target_namespace

    prepared = _prepared(file, job, fresh=fresh)
    if name:
        _rename(prepared, name, str(file))
    said = target_namespace(prepared, namespace or chosen.namespace, str(file))
    if dry_run:
        code = [each.code for each in prepared if each.code]
        print_bodies([*code, *(each.body for each in prepared)], _written(output), one=not code and len(prepared) == 1)
        return
    resources = resources_of(context, said, kubeconfig)
    made = make(resources, prepared)
    print_bodies(made, "name" if output is ResourceFormat.TABLE else output, one=len(made) == 1)
    sys.stdout.flush()
    if wait:
        follow_all(resources, made, quiet=quiet)


def _prepared(file: Path, job: str | None, *, fresh: bool) -> list[Prepared]:
    """What the file holds: jobs, or queries and pools."""
    from gristmill.api.cluster.bodies import fresh_name, fresh_suffix, job_bodies, resource_bodies
    from gristmill_cli import jobfile

    suffix = fresh_suffix() if fresh else ""
    others = resource_bodies(jobfile.text_of(file), str(file)) if file.suffix in jobfile.MANIFEST_SUFFIXES else []
    for each in others:
        metadata = each.body["metadata"]
        metadata["name"] = fresh_name(metadata["name"], suffix)
    return others or job_bodies(jobfile.load(file, job), suffix)


def follow_all(resources: Resources, made: list[Body], *, quiet: bool) -> None:
    """Follows runs to their ends, with progress and a summary of each; Ctrl-C leaves them running.

    Raises the error that the first one failed with.
    """
    from gristmill.api.cluster.kinds import Kind
    from gristmill.api.cluster.resources import ref_of
    from gristmill.api.cluster.running import Watch, finished
    from gristmill.errors import Cancelled
    from gristmill_cli.outcome import print_outcome

    try:
        with live(quiet=quiet) as update:
            watch, ended = Watch(update), []
            for body in made:
                if not Kind.of(body["kind"]).runs:
                    continue
                ended.append(finished(resources, body, watch))
                watch.next_job()
    except KeyboardInterrupt:
        names = " ".join(str(ref_of(body)) for body in made)
        raise Cancelled(f"no longer watching; it goes on, and gristmill cancel {names} ends it") from None
    if not quiet:
        for body in ended:
            print_outcome(body)


def _rename(prepared: list[Prepared], name: str, place: str) -> None:
    from gristmill.errors import InvalidPlan

    if len(prepared) != 1:
        raise InvalidPlan(
            f"--name is for one job, there are {len(prepared)}", place=place, remedy="--fresh renames all of them."
        )
    prepared[0].body["metadata"]["name"] = name


def _written(output: ResourceFormat) -> str:
    return output if output in {ResourceFormat.JSON, ResourceFormat.YAML} else ResourceFormat.YAML
