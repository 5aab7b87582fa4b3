"""A model as a runtime of MLServer, in an environment of its own. BENCHMARK_MODEL names the ONNX file."""

import os

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Network(MLModel):
    """Answers with the probabilities, and the entropy of each row."""

    async def load(self) -> bool:
        """Read the file."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path, providers = os.environ["BENCHMARK_MODEL"], ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """One call."""
        logits = self._session.run(["logits"], {"x": NumpyCodec.decode_input(payload.inputs[0])})[0]
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        p = exponentials / exponentials.sum(1, keepdims=True)
        entropy = -(p * np.log(np.maximum(p, 1e-30))).sum(1, keepdims=True) / np.float32(np.log(p.shape[1]))
        outputs = [NumpyCodec.encode_output("probabilities", p), NumpyCodec.encode_output("entropy", entropy)]
        return InferenceResponse(model_name=self.name, outputs=outputs)
