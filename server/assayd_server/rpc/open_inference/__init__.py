"""The Open Inference Protocol v2, by which clients of Triton, KServe and MLServer ask: the same engine."""
