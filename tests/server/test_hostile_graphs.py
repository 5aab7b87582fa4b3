"""Graphs that a stranger made: too large, endless, or of operations and formats that are not ONNX's own."""

from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import onnx_models
from assayd_server.errors import ArtefactError
from assayd_server.servable import Servable

MATRIX = (TensorProto.FLOAT, ["rows", 4])
Load = Callable[..., Servable]


def called(name: str, times: int) -> list[onnx.NodeProto]:
    """Nodes that call a function so many times, one after the other."""
    names = ["a", *(f"t{number}" for number in range(times - 1)), "b"]
    return [helper.make_node(name, [names[n]], [names[n + 1]], domain="f") for n in range(times)]


def test_functions_that_stand_for_billions_of_nodes_are_refused_at_once(load: Load) -> None:
    bodies = [[helper.make_node("Identity", ["a"], ["b"])], *(called(f"F{n}", 10) for n in range(9))]
    with pytest.raises(ArtefactError, match="it has 2111111111 nodes, functions taken in, allowed are 2000000"):
        load(onnx_models.functions(bodies))


def test_a_function_that_calls_itself_is_refused(load: Load) -> None:
    with pytest.raises(ArtefactError, match="its function 'F0' calls itself"):
        load(onnx_models.functions([called("F0", 1)]))


def test_functions_that_are_called_sensibly_are_served(load: Load) -> None:
    bodies = [[helper.make_node("Identity", ["a"], ["b"])], called("F0", 3)]
    assert load(onnx_models.functions(bodies)).contract.roles == {"logits": "logits"}


@pytest.mark.parametrize(
    ("domain", "operation"), [("com.stranger", "RunMe"), ("com.microsoft", "PyOp"), ("ai.onnx.contrib", "PyOp")]
)
def test_an_operation_that_onnx_runtime_does_not_have_is_refused_with_its_name(
    load: Load, domain: str, operation: str
) -> None:
    model = onnx.load_model_from_string(onnx_models.identity())
    model.graph.node[0].op_type, model.graph.node[0].domain = operation, domain
    model.opset_import.append(helper.make_opsetid(domain, 1))
    with pytest.raises(ArtefactError, match=f"{domain}:{operation}"):
        load(model.SerializeToString())


def test_a_graph_nested_deeper_than_protobuf_reads_is_refused(load: Load) -> None:
    inner = b""
    for _ in range(400):  # attribute.g of a node of a graph, by the numbers of their fields
        for field in (0x0A, 0x2A, 0x32):
            size = len(inner)
            varint = b"" if size else b"\0"
            while size:
                varint += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
                size >>= 7
            inner = bytes([field]) + varint + inner
    with pytest.raises(ArtefactError, match="cannot load it"):
        load(b"\x3a" + bytes([len(inner) & 0x7F | 0x80, len(inner) >> 7 & 0x7F | 0x80, len(inner) >> 14]) + inner)


def test_a_model_of_onnx_runtimes_own_format_is_refused(load: Load, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(tmp_path / "m.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(onnx_models.identity(), options, providers=["CPUExecutionProvider"])
    with pytest.raises(ArtefactError, match="ONNX Runtime cannot load it"):
        load((tmp_path / "m.ort").read_bytes())


def test_a_zip_map_with_more_outputs_than_it_can_have_is_refused(load: Load) -> None:
    node = helper.make_node("ZipMap", ["x"], ["other", "y"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])
    with pytest.raises(ArtefactError, match="ONNX Runtime cannot load it"):
        load(onnx_models.build(nodes=[node], inputs={"x": MATRIX}, outputs={"y": MATRIX}))
