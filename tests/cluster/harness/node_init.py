"""The first process of a node: mounts what is its own, starts containerd, kubelet, kube-proxy, buries the dead.

Runs in the node's own pid, mount and host-name namespaces (the network namespace was entered before), with a JSON file
as its argument. Killing it pulls the plug: the kernel ends everything in the namespaces with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(config: Path) -> None:
    """Start the node that `config` describes; returns when it is asked to end."""
    node = json.loads(config.read_text())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _mount(Path(node["folder"]))
    subprocess.run(["hostname", node["name"]], check=True)
    for service in node["services"]:
        _start(service, node)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            time.sleep(1)


def _mount(folder: Path) -> None:
    subprocess.run(["mount", "--make-rshared", "/"], check=True)  # volumes may ask for propagation; seen in here only
    subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
    for target in ("/run/netns", "/run/containerd"):
        Path(target).mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", target], check=True)
    for target in ("/var/log/pods", "/var/log/containers", "/var/lib/cni"):
        source = folder / "own" / target.rpartition("/")[2]
        for path in (source, Path(target)):
            path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--bind", source, target], check=True)


def _start(service: dict[str, object], node: dict[str, object]) -> None:
    """Start one service and wait for the file that says it is ready, if it has one."""
    log = Path(str(node["logs"])) / f"{service['name']}-{node['name']}.log"
    with log.open("ab") as output:
        subprocess.Popen(service["argv"], stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # type: ignore[call-overload]
    ready = service.get("ready")
    while ready is not None and not Path(str(ready)).exists():
        time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
