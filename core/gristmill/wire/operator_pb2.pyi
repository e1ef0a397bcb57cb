from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FromLead(_message.Message):
    __slots__ = ("hello", "run", "pool")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    hello: LeadHello
    run: RunNews
    pool: PoolNews
    def __init__(self, hello: _Optional[_Union[LeadHello, _Mapping]] = ..., run: _Optional[_Union[RunNews, _Mapping]] = ..., pool: _Optional[_Union[PoolNews, _Mapping]] = ...) -> None: ...

class ToLead(_message.Message):
    __slots__ = ("welcome", "run", "cancel", "pod", "end")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    POD_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    welcome: LeadWelcome
    run: RunRequest
    cancel: CancelRun
    pod: PodNews
    end: EndLead
    def __init__(self, welcome: _Optional[_Union[LeadWelcome, _Mapping]] = ..., run: _Optional[_Union[RunRequest, _Mapping]] = ..., cancel: _Optional[_Union[CancelRun, _Mapping]] = ..., pod: _Optional[_Union[PodNews, _Mapping]] = ..., end: _Optional[_Union[EndLead, _Mapping]] = ...) -> None: ...

class LeadHello(_message.Message):
    __slots__ = ("pool_uid", "pod", "version", "runs")
    POOL_UID_FIELD_NUMBER: _ClassVar[int]
    POD_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNS_FIELD_NUMBER: _ClassVar[int]
    pool_uid: str
    pod: str
    version: str
    runs: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, pool_uid: _Optional[str] = ..., pod: _Optional[str] = ..., version: _Optional[str] = ..., runs: _Optional[_Iterable[str]] = ...) -> None: ...

class LeadWelcome(_message.Message):
    __slots__ = ("version",)
    VERSION_FIELD_NUMBER: _ClassVar[int]
    version: str
    def __init__(self, version: _Optional[str] = ...) -> None: ...

class RunNews(_message.Message):
    __slots__ = ("uid", "report")
    UID_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    uid: str
    report: str
    def __init__(self, uid: _Optional[str] = ..., report: _Optional[str] = ...) -> None: ...

class PoolNews(_message.Message):
    __slots__ = ("need",)
    NEED_FIELD_NUMBER: _ClassVar[int]
    need: str
    def __init__(self, need: _Optional[str] = ...) -> None: ...

class RunRequest(_message.Message):
    __slots__ = ("uid", "kind", "resource", "code")
    class CodeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    UID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    uid: str
    kind: str
    resource: str
    code: _containers.ScalarMap[str, bytes]
    def __init__(self, uid: _Optional[str] = ..., kind: _Optional[str] = ..., resource: _Optional[str] = ..., code: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class CancelRun(_message.Message):
    __slots__ = ("uid", "reason")
    UID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    uid: str
    reason: str
    def __init__(self, uid: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PodNews(_message.Message):
    __slots__ = ("pod", "state", "reason", "node", "zone", "gone")
    POD_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    GONE_FIELD_NUMBER: _ClassVar[int]
    pod: str
    state: str
    reason: str
    node: str
    zone: str
    gone: bool
    def __init__(self, pod: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., node: _Optional[str] = ..., zone: _Optional[str] = ..., gone: bool = ...) -> None: ...

class EndLead(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
