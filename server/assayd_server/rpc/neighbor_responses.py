"""Neighbours as messages."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import neighbors_pb2, tensor_pb2
from assayd_server.core.arrays import Booleans, Integers
from assayd_server.loaded_pool import LoadedPool
from assayd_server.neighboring import Neighbors


def neighbors(found: Neighbors) -> neighbors_pb2.Neighbors:
    """Ids and similarities; what is filled up has neither."""
    nearest = found.nearest
    return neighbors_pb2.Neighbors(
        pool_digest=found.pool.digest,
        ids=names_where(~np.isnan(nearest.similarities), found.pool, nearest.rows),
        similarities=encode(nearest.similarities),
        counts=encode(nearest.counts.astype(np.int32)),
    )


def names_where(there: Booleans, pool: LoadedPool, rows: Integers) -> tensor_pb2.Tensor:
    """The ids of rows, and -1 or nothing where there is none."""
    names = pool.names_of(rows.reshape(-1)).reshape(rows.shape)
    if not there.all():
        names[~there] = "" if pool.folder.ids.is_text else -1
    return encode(names)
