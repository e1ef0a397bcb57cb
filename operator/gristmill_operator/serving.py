"""The gRPC server that leads dial: mutual TLS with the cluster's authority, one method."""

from __future__ import annotations

import grpc

from gristmill.errors import StorageError
from gristmill.wire import operator_pb2 as wire
from gristmill.wire.protocol import OPERATOR_SERVICE
from gristmill.wire.tls import TlsBytes
from gristmill_operator.leads import Leads

_OPTIONS = (
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", 16 << 20),
)


class LeadServer:
    """Serves ``leads`` on ``address`` (host:port; port 0 picks one, see ``port``).

    Making one raises StorageError where the port is taken.
    """

    def __init__(self, address: str, leads: Leads, tls: TlsBytes) -> None:
        self._leads = leads
        self._server = grpc.aio.server(options=_OPTIONS)
        handler = grpc.stream_stream_rpc_method_handler(
            leads.serve,
            request_deserializer=wire.FromLead.FromString,
            response_serializer=wire.ToLead.SerializeToString,
        )
        service = grpc.method_handlers_generic_handler(OPERATOR_SERVICE, {"Lead": handler})
        self._server.add_generic_rpc_handlers((service,))
        credentials = grpc.ssl_server_credentials([(tls.key, tls.cert)], tls.ca, require_client_auth=True)
        try:
            self.port: int = self._server.add_secure_port(address, credentials)
        except RuntimeError:
            remedy = "set LEAD_PORT to a free one"
            raise StorageError("cannot listen for leads", place=address, remedy=remedy) from None

    async def start(self) -> None:
        """Begins to listen."""
        await self._server.start()

    async def stop(self) -> None:
        """Sends the leads away, to dial again, and closes."""
        self._leads.close()
        await self._server.stop(grace=0.5)
