"""What `helm test` runs in a pod: applies the job of job.json, waits for its end, tells how it went, deletes it.

Exit code 0 says that the job is complete. It knows the job's resource only: whether operator, pods and store work
together is what it is there to find out.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from kubernetes import client, config
from kubernetes.client.rest import ApiException

GROUP, VERSION, PLURAL = "gristmill.dev", "v1alpha1", "mapreducejobs"


def main() -> int:
    """Runs the job; 0 if it completed."""
    config.load_incluster_config()
    api = client.CustomObjectsApi()
    job = json.loads(Path(__file__).with_name("job.json").read_text())
    name, namespace = job["metadata"]["name"], job["metadata"]["namespace"]
    remove(api, namespace, name)
    api.create_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, job)
    print(f"MapReduceJob {namespace}/{name} applied")
    try:
        return follow(api, namespace, name, time.monotonic() + float(os.environ["TIMEOUT_S"]))
    finally:
        remove(api, namespace, name)


def follow(api: Any, namespace: str, name: str, until: float) -> int:
    """Prints each phase with its message, once each, until the job has ended or its time is over."""
    told: list[str] = []
    while time.monotonic() < until:
        status = api.get_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name).get("status", {})
        phase = status.get("phase", "not seen by the operator yet")
        line = f"{phase} {status.get('message', '')}".strip()
        if line not in told:
            print(line, flush=True)
            told.append(line)
        if phase == "Complete":
            print(json.dumps(status.get("progress", {})))
            return 0
        if phase in ("Failed", "Cancelled"):
            return without_store(str(status.get("message", "")))
        time.sleep(0.5)
    print(f"The job has not ended in {os.environ['TIMEOUT_S']} s; its phases: {', '.join(told)}")
    return 1


def without_store(message: str) -> int:
    """0 where the job failed for want of a store alone: its lead ran and said so, and there is no more to be tried."""
    if os.environ["HAS_STORE"] == "true" or "no scratch" not in message:
        return 1
    print("Operator and lead work. Nothing was written: set scratch, test.output or demoS3.enabled to test that too.")
    return 0


def remove(api: Any, namespace: str, name: str) -> None:
    """Deletes the job and waits until it is gone; it is no error if there was none."""
    try:
        api.delete_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name)
        for _ in range(60):
            api.get_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name)
            time.sleep(0.5)
    except ApiException as error:
        if error.status != 404:
            raise


if __name__ == "__main__":
    sys.exit(main())
