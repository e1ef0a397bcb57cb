"""Files under version control speak of the project alone: no path of one machine, no host but those that are meant."""

import re
from ipaddress import ip_address

TEXT_LIMIT_BYTES = 1 << 20
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]\w*|Users/\w+|tmp/venv)/")
HOST = re.compile(r"\bhttps?://([\w.\\-]+)")
MEANT_HOSTS = {
    "127.0.0.1",
    "docs.docker.com",
    "helm.sh",
    "json-schema.org",
    "kind.sigs.k8s.io",
    "semver.org",
    "www.apache.org",
}
INSIDE_A_CLUSTER = (".svc", "minio.minio")


def _hits(tracked, root, pattern):
    for path in tracked:
        if path.stat().st_size > TEXT_LIMIT_BYTES:
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            for match in pattern.finditer(line):
                yield match, f"{path.relative_to(root)}:{number}: {line.strip()[:120]}"


def test_no_path_of_one_machine(tracked, root):
    found = [place for _, place in _hits(tracked, root, MACHINE_PATH) if "tests/project/" not in place]
    assert found == []


def test_every_host_is_meant(tracked, root):
    def meant(host: str) -> bool:
        inside = "." not in host or host.endswith(INSIDE_A_CLUSTER) or _is_private(host)
        return inside or host in MEANT_HOSTS or host.endswith(("example.com", "example.org", ".example", ".invalid"))

    assert [place for match, place in _hits(tracked, root, HOST) if not meant(match[1].replace("\\", ""))] == []


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


def test_nothing_generated_is_tracked(tracked, root):
    generated = {".parquet", ".arrow", ".whl", ".pyc", ".so", ".log"}
    assert [str(path.relative_to(root)) for path in tracked if path.suffix in generated] == []


def test_no_file_is_larger_than_a_megabyte(tracked, root):
    assert [str(path.relative_to(root)) for path in tracked if path.stat().st_size > TEXT_LIMIT_BYTES] == []
