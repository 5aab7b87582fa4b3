"""The messages of protos/inference/open_inference.proto; the .pyi beside it, which is generated, has their types.

In a pool of their own: stubs of tritonclient, MLServer and KServe have the same names in the one that all share,
where a name can be there once.
"""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_pool = descriptor_pool.DescriptorPool()
_FILES = descriptor_pb2.FileDescriptorSet.FromString(Path(__file__).with_name("open_inference.binpb").read_bytes())
for _file in _FILES.file:
    _pool.Add(_file)
DESCRIPTOR = _pool.FindFileByName("open_inference.proto")
globals().update(
    {name: message_factory.GetMessageClass(found) for name, found in DESCRIPTOR.message_types_by_name.items()}
)
