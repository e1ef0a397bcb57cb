"""Custom exchanges: the user's function that names the partition of a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.errors import FragmentError
from gristmill.kernel.calls import short
from gristmill.kernel.context import end_if_forked
from gristmill.kernel.groups import keys_of
from gristmill.kernel.user_code import blamed, load
from gristmill.plan.exchange import Exchange

PartitionOf = Callable[[pa.RecordBatch], npt.NDArray[np.integer[Any]]]


def partition_of(spec: Exchange) -> PartitionOf | None:
    """What gives the partition of each row of a batch; None where the exchange needs no function for it.

    The function is called for each row, as ``f(key, partitions)``.
    """
    if spec.partitioner is None:
        return None
    function = load(spec.partitioner)
    name = f"partitioner {spec.partitioner.entry.rpartition(':')[2]}"

    def one(key: Any) -> int:
        try:
            partition = function(key, spec.partitions)
        except BaseException as error:
            raise blamed(error, f"{name}, key {short(key)}") from error
        end_if_forked()
        if isinstance(partition, bool) or not hasattr(partition, "__index__"):
            raise _misplaced(name, key, partition, spec.partitions)
        number = int(partition)
        if not 0 <= number < spec.partitions:
            raise _misplaced(name, key, partition, spec.partitions)
        return number

    def each(batch: pa.RecordBatch) -> npt.NDArray[np.integer[Any]]:
        return np.fromiter((one(key) for key in keys_of(batch, spec.keys)), np.int64, batch.num_rows)

    return each


def _misplaced(name: str, key: Any, given: Any, partitions: int) -> FragmentError:
    return FragmentError(
        f"it gave {short(given)}",
        place=f"{name}, key {short(key)}",
        remedy=f"Expected a whole number from 0 to {partitions - 1}.",
    )
