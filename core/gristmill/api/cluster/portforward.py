"""HTTP to a port of a pod through the API server, for users who have no route to pods.

A forwarded port is a websocket with two channels: 0 carries the port's bytes, 1 says what went wrong. Each request
has its own, which may be dialled before it is known what to ask. Reading pulls frame by frame, without a thread, so
what is not read yet waits at the sender.
"""

from __future__ import annotations

import http.client
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gristmill.api.cluster.connection import Connection
from gristmill.api.cluster.failures import Unreachable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_DATA, _ERROR = 0, 1


def dial(connection: Connection, pod: str, port: int) -> ForwardedPort:
    """A way to the port, open until it is used or closed. Raises ClusterError where the pod cannot be reached."""
    where = f"/api/v1/namespaces/{connection.namespace}/pods/{pod}/portforward"
    return ForwardedPort(pod, _ForwardedBytes(connection.websocket(where, f"ports={port}"), f"pod {pod}, port {port}"))


@dataclass(frozen=True, slots=True)
class ForwardedPort:
    """An open port of a pod, good for one request."""

    pod: str
    _stream: _ForwardedBytes

    def get(self, path: str, *, silence_s: float | None) -> http.client.HTTPResponse:
        """The answer to GET ``path``, its body still to be read; whoever reads it closes it.

        Raises ClusterError where nothing listens there; a silence longer than ``silence_s`` raises TimeoutError, here
        and while reading.
        """
        self._stream.silence(silence_s)
        asked = _ForwardedHttp(self._stream, self.pod)
        try:
            asked.request("GET", path, headers={"Connection": "close"})
            return asked.getresponse()
        except (http.client.HTTPException, OSError) as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise
            raise Unreachable(f"does not answer: {error}", place=self._stream.place) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the port, and what comes over it."""
        self._stream.close()


class _ForwardedBytes(io.RawIOBase):
    """The bytes that a port sends; ``send`` is the other direction."""

    def __init__(self, websocket: Any, place: str) -> None:
        self._websocket = websocket
        self.place = place
        self._rest = memoryview(b"")
        self._opened: set[int] = set()
        """Channels whose first frame, which only repeats the port, has come."""

    def silence(self, seconds: float | None) -> None:
        """How long a read may wait."""
        self._websocket.settimeout(seconds)

    def send(self, data: bytes) -> None:
        """Sends to the port."""
        self._websocket.send_binary(bytes([_DATA]) + data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fills ``buffer`` with what is there, at least one byte; 0 at the end. Raises Unreachable, TimeoutError."""
        target = memoryview(buffer).cast("B")
        while not self._rest:
            frame = self._frame()
            if frame is None:
                return 0
            self._rest = frame
        taken = min(len(target), len(self._rest))
        target[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

    def _frame(self) -> memoryview | None:
        """The next bytes of the port; None: it is closed."""
        import websocket

        while True:
            try:
                opcode, frame = self._websocket.recv_data()
            except websocket.WebSocketTimeoutException:
                raise TimeoutError("nothing came for too long") from None
            except (websocket.WebSocketException, OSError):
                return None
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return None
            channel, data = frame[0], frame[1:]
            if channel not in self._opened:
                self._opened.add(channel)
            elif channel == _ERROR and data:
                raise Unreachable(_cause(data.decode("utf-8", "replace")), place=self.place)
            elif channel == _DATA and data:
                return memoryview(data)

    def close(self) -> None:
        """Closes the port."""
        if not self.closed:
            self._websocket.shutdown()
        super().close()


def _cause(text: str) -> str:
    """The end of what the kubelet says: ``error forwarding port 7079 to pod …: …: connection refused``."""
    return "nothing listens there (yet)" if "refused" in text else text.strip().rsplit(": ", 1)[-1]


class _ForwardedSocket:
    """As much of a socket as http.client wants. Closing is left to the stream, which the answer's body reads from."""

    def __init__(self, stream: _ForwardedBytes) -> None:
        self._stream = stream

    def sendall(self, data: bytes) -> None:
        self._stream.send(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._stream, 1 << 16)

    def close(self) -> None:
        """Nothing: the response owns the stream."""


class _ForwardedHttp(http.client.HTTPConnection):
    """An HTTP connection over a stream that is open already."""

    def __init__(self, stream: _ForwardedBytes, pod: str) -> None:
        super().__init__(pod)
        self._stream = stream

    def connect(self) -> None:
        """Takes the stream for its socket."""
        self.sock = _ForwardedSocket(self._stream)
