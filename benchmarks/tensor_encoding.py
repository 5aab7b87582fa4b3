"""What a matrix costs on the wire as raw bytes and as repeated floats: python benchmarks/tensor_encoding.py.

Prints, for a few shapes, the time to build and serialise and the time to parse and read, as ratios to raw bytes,
medians of rounds in which the two take turns.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
from google import protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from assayd.arrays import decode, encode
from assayd.v1 import tensor_pb2

SHAPES = [(1, 784), (32, 784), (256, 2048)]
ROUNDS = 15


def write_bytes(matrix: np.ndarray) -> bytes:
    """As assayd does it."""
    return encode(matrix).SerializeToString()


def read_bytes(data: bytes) -> np.ndarray:
    """As assayd does it."""
    return decode(tensor_pb2.Tensor.FromString(data))


def make_repeated() -> tuple[Callable[[np.ndarray], bytes], Callable[[bytes], np.ndarray]]:
    """The same with a packed `repeated float`, in a message made for this."""
    file = descriptor_pb2.FileDescriptorProto(name="floats.proto", package="bench", syntax="proto3")
    message = file.message_type.add(name="Floats")
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(name="shape", number=1, label=field.LABEL_REPEATED, type=field.TYPE_INT64)
    message.field.add(name="values", number=2, label=field.LABEL_REPEATED, type=field.TYPE_FLOAT)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    floats = message_factory.GetMessageClass(pool.FindMessageTypeByName("bench.Floats"))

    def write(matrix: np.ndarray) -> bytes:
        return floats(shape=matrix.shape, values=matrix.ravel()).SerializeToString()

    def read(data: bytes) -> np.ndarray:
        parsed = floats.FromString(data)
        return np.fromiter(parsed.values, np.float32, len(parsed.values)).reshape(tuple(parsed.shape))

    return write, read


def seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ratio(slow: Callable[[], object], fast: Callable[[], object]) -> tuple[float, float, float]:
    """Median, least and greatest ratio of their times."""
    ratios = [seconds(slow) / seconds(fast) for _ in range(ROUNDS)]
    return statistics.median(ratios), min(ratios), max(ratios)


def main() -> None:
    """Print the table."""
    write_repeated, read_repeated = make_repeated()
    print(
        f"protobuf {protobuf.__version__}, NumPy {np.__version__}, {ROUNDS} rounds; least and greatest in brackets"
    )
    print("repeated float / bytes | build and serialise | parse and read")
    for shape in SHAPES:
        matrix = np.random.default_rng(0).random(shape, dtype=np.float32)
        raw, repeated = write_bytes(matrix), write_repeated(matrix)
        assert np.array_equal(read_bytes(raw), read_repeated(repeated))
        built = ratio(lambda m=matrix: write_repeated(m), lambda m=matrix: write_bytes(m))
        parsed = ratio(lambda d=repeated: read_repeated(d), lambda d=raw: read_bytes(d))
        cells = [f"{median:.0f} ({low:.0f} to {high:.0f})" for median, low, high in (built, parsed)]
        print(f"{shape[0]} x {shape[1]} ({len(raw)} bytes) | " + " | ".join(cells))


if __name__ == "__main__":
    main()
