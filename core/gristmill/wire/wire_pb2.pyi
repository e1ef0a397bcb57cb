from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FromWorker(_message.Message):
    __slots__ = ("hello", "heartbeat", "finished", "failed", "leaving", "draining")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    heartbeat: Heartbeat
    finished: Finished
    failed: Failed
    leaving: Leaving
    draining: Draining
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ..., leaving: _Optional[_Union[Leaving, _Mapping]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ...) -> None: ...

class ToWorker(_message.Message):
    __slots__ = ("welcome", "stage", "feed", "launch", "cancel", "stop", "release", "serve", "batch")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    LAUNCH_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    SERVE_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    stage: StagePlan
    feed: Feed
    launch: Launch
    cancel: Cancel
    stop: Stop
    release: Release
    serve: Serve
    batch: Batch
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., stage: _Optional[_Union[StagePlan, _Mapping]] = ..., feed: _Optional[_Union[Feed, _Mapping]] = ..., launch: _Optional[_Union[Launch, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., stop: _Optional[_Union[Stop, _Mapping]] = ..., release: _Optional[_Union[Release, _Mapping]] = ..., serve: _Optional[_Union[Serve, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[ToWorker]
    def __init__(self, messages: _Optional[_Iterable[_Union[ToWorker, _Mapping]]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("worker", "version", "slots", "host", "places", "output_outlives_worker", "volumes", "flight_address", "takes_batches")
    WORKER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_OUTLIVES_WORKER_FIELD_NUMBER: _ClassVar[int]
    VOLUMES_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TAKES_BATCHES_FIELD_NUMBER: _ClassVar[int]
    worker: str
    version: str
    slots: int
    host: str
    places: _containers.RepeatedScalarFieldContainer[str]
    output_outlives_worker: bool
    volumes: _containers.RepeatedScalarFieldContainer[str]
    flight_address: str
    takes_batches: bool
    def __init__(self, worker: _Optional[str] = ..., version: _Optional[str] = ..., slots: _Optional[int] = ..., host: _Optional[str] = ..., places: _Optional[_Iterable[str]] = ..., output_outlives_worker: bool = ..., volumes: _Optional[_Iterable[str]] = ..., flight_address: _Optional[str] = ..., takes_batches: bool = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("heartbeat_s",)
    HEARTBEAT_S_FIELD_NUMBER: _ClassVar[int]
    heartbeat_s: float
    def __init__(self, heartbeat_s: _Optional[float] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("running", "memory_bytes", "peak_bytes")
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PEAK_BYTES_FIELD_NUMBER: _ClassVar[int]
    running: _containers.RepeatedCompositeFieldContainer[AttemptProgress]
    memory_bytes: int
    peak_bytes: int
    def __init__(self, running: _Optional[_Iterable[_Union[AttemptProgress, _Mapping]]] = ..., memory_bytes: _Optional[int] = ..., peak_bytes: _Optional[int] = ...) -> None: ...

class AttemptProgress(_message.Message):
    __slots__ = ("attempt", "rows", "bytes")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    attempt: str
    rows: int
    bytes: int
    def __init__(self, attempt: _Optional[str] = ..., rows: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("attempt", "result")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    attempt: str
    result: str
    def __init__(self, attempt: _Optional[str] = ..., result: _Optional[str] = ...) -> None: ...

class Failed(_message.Message):
    __slots__ = ("attempt", "cause", "error", "lost")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    attempt: str
    cause: str
    error: str
    lost: _containers.RepeatedCompositeFieldContainer[LostOutput]
    def __init__(self, attempt: _Optional[str] = ..., cause: _Optional[str] = ..., error: _Optional[str] = ..., lost: _Optional[_Iterable[_Union[LostOutput, _Mapping]]] = ...) -> None: ...

class LostOutput(_message.Message):
    __slots__ = ("exchange", "task_order")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    TASK_ORDER_FIELD_NUMBER: _ClassVar[int]
    exchange: str
    task_order: int
    def __init__(self, exchange: _Optional[str] = ..., task_order: _Optional[int] = ...) -> None: ...

class Leaving(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Serve(_message.Message):
    __slots__ = ("run", "stores", "logs")
    RUN_FIELD_NUMBER: _ClassVar[int]
    STORES_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    run: str
    stores: str
    logs: str
    def __init__(self, run: _Optional[str] = ..., stores: _Optional[str] = ..., logs: _Optional[str] = ...) -> None: ...

class StagePlan(_message.Message):
    __slots__ = ("digest", "stage")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    digest: str
    stage: str
    def __init__(self, digest: _Optional[str] = ..., stage: _Optional[str] = ...) -> None: ...

class Feed(_message.Message):
    __slots__ = ("exchange", "feed")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    exchange: str
    feed: str
    def __init__(self, exchange: _Optional[str] = ..., feed: _Optional[str] = ...) -> None: ...

class Launch(_message.Message):
    __slots__ = ("orders",)
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    orders: _containers.RepeatedCompositeFieldContainer[Order]
    def __init__(self, orders: _Optional[_Iterable[_Union[Order, _Mapping]]] = ...) -> None: ...

class Order(_message.Message):
    __slots__ = ("attempt", "code_digest", "order")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CODE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    attempt: str
    code_digest: str
    order: str
    def __init__(self, attempt: _Optional[str] = ..., code_digest: _Optional[str] = ..., order: _Optional[str] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("attempt",)
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    attempt: str
    def __init__(self, attempt: _Optional[str] = ...) -> None: ...

class Stop(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Release(_message.Message):
    __slots__ = ("exchange", "run")
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    exchange: str
    run: str
    def __init__(self, exchange: _Optional[str] = ..., run: _Optional[str] = ...) -> None: ...

class ToExecutor(_message.Message):
    __slots__ = ("setup", "stage", "feed", "order", "serve")
    SETUP_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FEED_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    SERVE_FIELD_NUMBER: _ClassVar[int]
    setup: ExecutorSetup
    stage: StagePlan
    feed: Feed
    order: Order
    serve: Serve
    def __init__(self, setup: _Optional[_Union[ExecutorSetup, _Mapping]] = ..., stage: _Optional[_Union[StagePlan, _Mapping]] = ..., feed: _Optional[_Union[Feed, _Mapping]] = ..., order: _Optional[_Union[Order, _Mapping]] = ..., serve: _Optional[_Union[Serve, _Mapping]] = ...) -> None: ...

class ExecutorSetup(_message.Message):
    __slots__ = ("scratch", "worker", "host", "flight_address", "compression", "sys_path", "cache_dir", "outputs", "token", "storage_options", "tls")
    SCRATCH_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    FLIGHT_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    SYS_PATH_FIELD_NUMBER: _ClassVar[int]
    CACHE_DIR_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    STORAGE_OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TLS_FIELD_NUMBER: _ClassVar[int]
    scratch: str
    worker: str
    host: str
    flight_address: str
    compression: str
    sys_path: _containers.RepeatedScalarFieldContainer[str]
    cache_dir: str
    outputs: str
    token: str
    storage_options: str
    tls: str
    def __init__(self, scratch: _Optional[str] = ..., worker: _Optional[str] = ..., host: _Optional[str] = ..., flight_address: _Optional[str] = ..., compression: _Optional[str] = ..., sys_path: _Optional[_Iterable[str]] = ..., cache_dir: _Optional[str] = ..., outputs: _Optional[str] = ..., token: _Optional[str] = ..., storage_options: _Optional[str] = ..., tls: _Optional[str] = ...) -> None: ...

class FromExecutor(_message.Message):
    __slots__ = ("ready", "progress", "finished", "failed")
    READY_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    ready: ExecutorReady
    progress: AttemptProgress
    finished: Finished
    failed: Failed
    def __init__(self, ready: _Optional[_Union[ExecutorReady, _Mapping]] = ..., progress: _Optional[_Union[AttemptProgress, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., failed: _Optional[_Union[Failed, _Mapping]] = ...) -> None: ...

class ExecutorReady(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
