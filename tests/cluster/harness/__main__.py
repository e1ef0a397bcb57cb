"""python -m tests.cluster.harness COMMAND [FOLDER]: the test cluster by hand (docs/test-cluster.md).

up, down: the whole cluster. load: build and load the images. install: that, and the chart. api, api-down: an API
server alone. build: all programs, without starting any.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.cluster.harness.api_only import start_api, stop_api
from tests.cluster.harness.binaries import CannotRun, build_all, program
from tests.cluster.harness.choice import bring_up, cluster_at
from tests.cluster.harness.images import OPERATOR, WORKER

DEFAULT = Path(os.environ.get("GRISTMILL_TEST_CLUSTER", "/tmp/gristmill-cluster"))


def main(argv: list[str]) -> int:
    """Do what the command line says; the exit status."""
    command, *rest = argv or ["help"]
    root = Path(rest[0]).absolute() if rest else DEFAULT
    started = time.monotonic()
    try:
        match command:
            case "up":
                _up(root)
            case "down":
                cluster_at(root).down()
            case "load":
                cluster_at(root).load_images()
            case "install":
                cluster = cluster_at(root)
                cluster.load_images()
                cluster.release.install()
            case "api":
                print(f"export KUBECONFIG={start_api(root)}")
            case "api-down":
                stop_api(root)
            case "build":
                build_all()
            case _:
                print(__doc__)
                return 2
    except (CannotRun, FileNotFoundError, FileExistsError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    print(f"{command}: {time.monotonic() - started:.1f} s", file=sys.stderr)
    return 0


def _up(root: Path) -> None:
    if root.exists():
        print(f"there is a cluster in {root} already")
        cluster = cluster_at(root)
        cluster.load_images()
    else:
        cluster = bring_up(root)
    s3 = cluster.s3
    print(f"""
export GRISTMILL_TEST_CLUSTER={root}          # tests use this cluster
export KUBECONFIG={cluster.kubeconfig}
export PATH={program("kubectl").parent}:{program("helm").parent}:$PATH
export AWS_ENDPOINT_URL={s3.endpoint} AWS_ACCESS_KEY_ID={s3.access_key} AWS_SECRET_ACCESS_KEY={s3.secret_key}
# images on the nodes: {OPERATOR}, {WORKER} (imagePullPolicy: IfNotPresent); logs: {cluster.logs}""")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
