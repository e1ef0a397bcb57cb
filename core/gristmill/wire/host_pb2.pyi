from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToHost(_message.Message):
    __slots__ = ("start", "kill")
    START_FIELD_NUMBER: _ClassVar[int]
    KILL_FIELD_NUMBER: _ClassVar[int]
    start: StartProcess
    kill: KillProcess
    def __init__(self, start: _Optional[_Union[StartProcess, _Mapping]] = ..., kill: _Optional[_Union[KillProcess, _Mapping]] = ...) -> None: ...

class FromHost(_message.Message):
    __slots__ = ("started", "ended")
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    started: ProcessStarted
    ended: ProcessEnded
    def __init__(self, started: _Optional[_Union[ProcessStarted, _Mapping]] = ..., ended: _Optional[_Union[ProcessEnded, _Mapping]] = ...) -> None: ...

class StartProcess(_message.Message):
    __slots__ = ("name", "log", "executor", "agent")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    log: str
    executor: ExecutorStart
    agent: AgentStart
    def __init__(self, name: _Optional[str] = ..., log: _Optional[str] = ..., executor: _Optional[_Union[ExecutorStart, _Mapping]] = ..., agent: _Optional[_Union[AgentStart, _Mapping]] = ...) -> None: ...

class ExecutorStart(_message.Message):
    __slots__ = ("socket", "worker")
    SOCKET_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    socket: str
    worker: str
    def __init__(self, socket: _Optional[str] = ..., worker: _Optional[str] = ...) -> None: ...

class AgentStart(_message.Message):
    __slots__ = ("config",)
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    config: str
    def __init__(self, config: _Optional[str] = ...) -> None: ...

class KillProcess(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ProcessStarted(_message.Message):
    __slots__ = ("name", "pid")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    name: str
    pid: int
    def __init__(self, name: _Optional[str] = ..., pid: _Optional[int] = ...) -> None: ...

class ProcessEnded(_message.Message):
    __slots__ = ("name", "status", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    status: int
    error: str
    def __init__(self, name: _Optional[str] = ..., status: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...
