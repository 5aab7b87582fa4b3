"""How many nodes a graph has once its functions are put in the place of their calls, as is done to run it."""

from collections.abc import Iterable, Mapping

import onnx

from assayd_server.errors import ArtefactError

NODES_MAX = 2_000_000
"""Networks have thousands; a few functions that call each other ten times each can come to billions."""

_Key = tuple[str, str]
"""A function's domain and name; overloads count as one, the largest."""


def check_size(model: onnx.ModelProto) -> None:
    """Refuse a graph that would be too large, or endless.

    Raises:
        ArtefactError: it has too many nodes, or a function that calls itself.
    """
    functions: dict[_Key, list[onnx.FunctionProto]] = {}
    for function in model.functions:
        functions.setdefault((function.domain, function.name), []).append(function)
    count = _count(model.graph.node, functions, {}, ())
    if count > NODES_MAX:
        raise ArtefactError(f"it has {count} nodes, functions taken in, allowed are {NODES_MAX}")


def _count(
    nodes: Iterable[onnx.NodeProto],
    functions: Mapping[_Key, list[onnx.FunctionProto]],
    known: dict[_Key, int],
    within: tuple[_Key, ...],
) -> int:
    """Of nodes, with those that they contain and stand for."""
    count = 0
    for node in nodes:
        key = (node.domain, node.op_type)
        count += 1
        if key in functions:
            count += _count_function(key, functions, known, within)
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                count += _count(graph.node, functions, known, within)
    return count


def _count_function(
    key: _Key,
    functions: Mapping[_Key, list[onnx.FunctionProto]],
    known: dict[_Key, int],
    within: tuple[_Key, ...],
) -> int:
    if key in within or len(within) >= len(functions):
        raise ArtefactError(f"its function {key[1]!r} calls itself")
    if key not in known:
        known[key] = max(_count(function.node, functions, known, (*within, key)) for function in functions[key])
    return known[key]
