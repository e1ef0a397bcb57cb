"""Mutual TLS between operator, lead, workers and whoever reads map output: which files, and who is let in.

Every side has a certificate of the cluster's one authority; what tells pools apart is the DNS name in it, so each side
also checks that name: clients by TLS itself, servers with ``names_of``. Nothing is known here of what is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import StorageError

if TYPE_CHECKING:
    import grpc

OPERATOR_NAME = "operator.gristmill.internal"
"""The DNS name in the operator's certificate."""

_SAN = "x509_subject_alternative_name"


def pool_name(uid: str) -> str:
    """The DNS name in the certificates of a pool."""
    return f"pool-{uid}.gristmill.internal"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where one side's certificate lies: paths of PEM files, as a Secret mounts them.

    ``name`` is the DNS name that the other side's certificate must carry, first of its names.
    """

    ca: str
    cert: str
    key: str
    name: str

    @classmethod
    def in_folder(cls, folder: str | Path, name: str) -> TlsFiles:
        """The files of a mounted Secret of type kubernetes.io/tls with its authority."""
        return cls(f"{folder}/ca.crt", f"{folder}/tls.crt", f"{folder}/tls.key", name)

    def read(self) -> TlsBytes:
        """What the files hold now. Raises StorageError naming the one that cannot be read."""
        return TlsBytes(_bytes(self.ca), _bytes(self.cert), _bytes(self.key))


@dataclass(frozen=True, slots=True, repr=False)
class TlsBytes:
    """The content of ``TlsFiles``; never printed."""

    ca: bytes
    cert: bytes
    key: bytes


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = f"the certificate file cannot be read: {error.strerror}"
        raise StorageError(reason, place=path, remedy="look at the Secret that is mounted there") from None


def server_credentials(tls: TlsFiles) -> grpc.ServerCredentials:
    """For ``add_secure_port``: wants a certificate of the authority from every client. Raises StorageError."""
    import grpc

    own = tls.read()
    return grpc.ssl_server_credentials([(own.key, own.cert)], own.ca, require_client_auth=True)


def channel_credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    """For ``secure_channel``, together with ``channel_options``. Raises StorageError."""
    import grpc

    own = tls.read()
    return grpc.ssl_channel_credentials(own.ca, own.key, own.cert)


def channel_options(tls: TlsFiles) -> list[tuple[str, str]]:
    """Makes a channel want ``tls.name`` in the server's certificate, whatever address was dialled."""
    return [("grpc.ssl_target_name_override", tls.name)]


def names_of(auth_context: Mapping[str, Iterable[bytes]]) -> frozenset[str]:
    """The names in a client's certificate, from ``context.auth_context()`` of a gRPC server; none without TLS."""
    return frozenset(name.decode("utf-8", "replace") for name in auth_context.get(_SAN, ()))
