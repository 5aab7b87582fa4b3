"""Serves a model from the tritonserver program, through pytriton, in an environment of its own.

python triton_server.py MODEL GRPC_PORT HTTP_PORT METRICS_PORT
"""

import sys

import numpy as np
import onnxruntime
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig, TritonSecurityConfig

path, *ports = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
width, class_count = session.get_inputs()[0].shape[1], session.get_outputs()[0].shape[1]


@batch
def infer(x):
    """The probabilities, and the entropy of each row."""
    logits = session.run(["logits"], {"x": x})[0]
    exponentials = np.exp(logits - logits.max(1, keepdims=True))
    p = exponentials / exponentials.sum(1, keepdims=True)
    return [p, -(p * np.log(np.maximum(p, 1e-30))).sum(1, keepdims=True) / np.float32(np.log(p.shape[1]))]


grpc_port, http_port, metrics_port = map(int, ports)
config = TritonConfig(grpc_port=grpc_port, http_port=http_port, metrics_port=metrics_port, log_verbose=0)
# its index and its statistics are for anybody, as those of Triton itself are
with Triton(config=config, security_config=TritonSecurityConfig(restricted_endpoints=[])) as triton:
    triton.bind(
        model_name="network",
        infer_func=infer,
        inputs=[Tensor(name="x", dtype=np.float32, shape=(width,))],
        outputs=[
            Tensor(name="probabilities", dtype=np.float32, shape=(class_count,)),
            Tensor(name="entropy", dtype=np.float32, shape=(1,)),
        ],
        config=ModelConfig(max_batch_size=1024, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
    )
    triton.serve()
