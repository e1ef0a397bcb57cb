"""CoreDNS as a process of this machine, on the address that the kubelets give to pods as their name server."""

from __future__ import annotations

from tests.cluster.harness.binaries import program
from tests.cluster.harness.layout import Layout
from tests.cluster.harness.processes import Processes

_COREFILE = """\
.:53 {{
  bind {address}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig} gristmill-test
    pods insecure
    ttl 1
  }}
  forward . /etc/resolv.conf
}}
"""


def start_dns(layout: Layout, processes: Processes) -> None:
    """Start it; it answers once it has read the cluster's Services."""
    corefile = layout.root / "Corefile"
    kubeconfig = layout.control_plane / "dns.conf"
    corefile.write_text(_COREFILE.format(address=layout.address, kubeconfig=kubeconfig))
    processes.start("dns", [program("coredns"), "-conf", corefile])
