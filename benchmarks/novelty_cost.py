"""What novelty costs: each measure beside a plain recomputation, and the combined one beside a forward pass.

In each round every contender works once, in turn, on the same arrays, and is compared within the round.
"""

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from scipy.special import logsumexp, softmax

from assayd_server.core.novelty import NoveltyMeasure, NoveltyReference, Outputs, fit_novelty, row_novelty
from assayd_server.core.novelty.scoring import novelty_scores

M = NoveltyMeasure
DIMENSION, CLASSES = 128, 10
WIDTHS = (784, 256, DIMENSION, CLASSES)
BATCH_ROWS = 256
ROW = "{:<22} {:<24} {:>10} {:>26}"
HEADINGS = ("what", "by", "us a row", "assayd's time / its")
Work = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int
    reference_rows: int
    round_count: int


FULL, SHORT = Size(10_000, 10_000, 15), Size(200, 300, 2)


@dataclass(frozen=True)
class Case:
    """Contenders on the same rows, the first of them assayd."""

    name: str
    row_count: int
    contenders: Mapping[str, Work]


def rows_of(row_count: int, *, seed: int) -> tuple[Outputs, np.ndarray]:
    """Embeddings about ten centres, logits of a linear head, and classes."""
    fixed, random = np.random.default_rng(0), np.random.default_rng(seed)
    centers, head = fixed.normal(size=(CLASSES, DIMENSION)), fixed.normal(0, 0.125, (DIMENSION, CLASSES))
    classes = random.integers(CLASSES, size=row_count)
    embeddings = np.maximum(centers[classes] + random.normal(size=(row_count, DIMENSION)), 0).astype(np.float32)
    return Outputs(logits=embeddings @ head.astype(np.float32), embeddings=embeddings), classes


def plain_mahalanobis(fit: np.ndarray, classes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Whitening by the Cholesky factor, and distances by one product, in single precision."""
    means = np.stack([fit[classes == one].mean(axis=0) for one in range(CLASSES)])
    center = fit.mean(axis=0)
    whitening = np.linalg.inv(np.linalg.cholesky(np.cov((fit - means[classes]).T.astype(float)))).T.astype(
        np.float32
    )
    points = (means - center) @ whitening
    squares = (points**2).sum(axis=1)

    def distances(embeddings: np.ndarray) -> np.ndarray:
        rows = (embeddings - center) @ whitening
        return np.einsum("nd,nd->n", rows, rows) + (squares - 2 * (rows @ points.T)).min(axis=1)

    return distances


def plain_gen(logits: np.ndarray) -> np.ndarray:
    p = softmax(logits, axis=1)
    return (p**0.1 * (1 - p) ** 0.1).sum(axis=1)


def faiss_knn(index: faiss.Index, embeddings: np.ndarray, k: int) -> np.ndarray:
    similarities, _ = index.search(unit(embeddings), k)
    return np.sqrt(np.maximum(2 - 2 * similarities[:, -1], 0))


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def plain_vim(reference: NoveltyReference, rows: Outputs) -> np.ndarray:
    """With the residual space that is known already."""
    fitted = reference.fitted.vim
    assert fitted
    residuals = (rows.embeddings - fitted.origin.astype(np.float32)) @ fitted.residual
    return float(fitted.factor) * np.linalg.norm(residuals, axis=1) - logsumexp(rows.logits, axis=1)


def measure_cases(size: Size) -> list[Case]:
    """Each measure by itself, without its p-values."""
    fit, classes = rows_of(size.reference_rows, seed=1)
    calibration, _ = rows_of(1000, seed=2)
    rows, _ = rows_of(size.rows, seed=3)
    reference = fit_novelty(fit, classes, calibration, calibration.logits.argmax(axis=1))
    mahalanobis = plain_mahalanobis(fit.embeddings, classes)
    index, k = faiss.IndexFlatIP(DIMENSION), int(reference.fitted.neighbors.k)
    index.add(unit(fit.embeddings))
    plain: dict[M, dict[str, Work]] = {
        M.MSP: {"NumPy": lambda: 1 - softmax(rows.logits, axis=1).max(axis=1)},
        M.MAX_LOGIT: {"NumPy": lambda: -rows.logits.max(axis=1)},
        M.ENERGY: {"SciPy": lambda: -logsumexp(rows.logits, axis=1)},
        M.GEN: {"NumPy": lambda: plain_gen(rows.logits)},
        M.MAHALANOBIS: {"NumPy with Cholesky": lambda: mahalanobis(rows.embeddings)},
        M.RELATIVE_MAHALANOBIS: {},
        M.DOMAIN: {},
        M.VIM: {"NumPy": lambda: plain_vim(reference, rows)},
        M.KNN: {"faiss, exact": lambda: faiss_knn(index, rows.embeddings, k)},
    }
    return [
        Case(
            measure,
            size.rows,
            {"assayd": functools.partial(novelty_scores, reference.fitted, rows, [measure])} | others,
        )
        for measure, others in plain.items()
    ]


def forward_pass(batch: np.ndarray) -> Work:
    """A network of the widths given, on one thread."""
    random, name, nodes, weights = np.random.default_rng(0), "x", [], []
    for layer, (width, following) in enumerate(itertools.pairwise(WIDTHS)):
        matrix = random.normal(0, width**-0.5, (width, following)).astype(np.float32)
        weights.append(numpy_helper.from_array(matrix, f"w{layer}"))
        last = following == CLASSES
        nodes.append(helper.make_node("MatMul", [name, f"w{layer}"], ["logits" if last else f"y{layer}"]))
        if not last:
            name = "embedding" if following == DIMENSION else f"h{layer}"
            nodes.append(helper.make_node("Relu", [f"y{layer}"], [name]))
    values = {"x": WIDTHS[0], "logits": CLASSES, "embedding": DIMENSION}
    infos = [helper.make_tensor_value_info(key, TensorProto.FLOAT, ["n", width]) for key, width in values.items()]
    graph = helper.make_graph(nodes, "network", infos[:1], infos[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return functools.partial(session.run, None, {"x": batch})


def hot_path_cases() -> list[Case]:
    """Scores, p-values and verdicts of one request's rows, beside the forward pass that they come from."""
    fit, classes = rows_of(2000, seed=1)
    calibration, _ = rows_of(2000, seed=2)
    rows, _ = rows_of(BATCH_ROWS, seed=3)
    reference = fit_novelty(fit, classes, calibration, calibration.logits.argmax(axis=1))
    passed = forward_pass(np.random.default_rng(4).normal(size=(BATCH_ROWS, WIDTHS[0])).astype(np.float32))
    wanted = {"combined": [M.COMBINED], "combined and domain": [M.COMBINED, M.DOMAIN], "gen": [M.GEN]}
    return [
        Case(f"{name}, {BATCH_ROWS} rows", BATCH_ROWS, {
            "assayd": functools.partial(row_novelty, reference, rows, measures),
            "forward pass": passed,
        })
        for name, measures in wanted.items()
    ]  # fmt: skip


def seconds_of(work: Work) -> float:
    """Of the processor: others use this core too."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compared(case: Case, round_count: int) -> list[dict[str, Any]]:
    """Each contender in turn, round after round, of which the first warms up."""
    repeats = max(1, 2000 // case.row_count)
    rounds = [
        {name: sum(seconds_of(work) for _ in range(repeats)) / repeats for name, work in case.contenders.items()}
        for _ in range(round_count + 1)
    ][1:]
    return [
        {
            "what": case.name,
            "by": name,
            "microseconds_a_row": 1e6 * statistics.median(times[name] for times in rounds) / case.row_count,
            "assayd_time_to_it": spread([times["assayd"] / times[name] for times in rounds]),
        }
        for name in case.contenders
    ]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Of rounds."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def measured(size: Size) -> list[dict[str, Any]]:
    """All cases."""
    faiss.omp_set_num_threads(1)
    cases = [*measure_cases(size), *hot_path_cases()]
    return [entry for case in cases for entry in compared(case, size.round_count)]


def table(entries: Sequence[Mapping[str, Any]]) -> str:
    """One line for each contender."""
    lines = [ROW.format(*HEADINGS)]
    for entry in entries:
        ratio = "{median:.3f} ({lowest:.3f} to {highest:.3f})".format(**entry["assayd_time_to_it"])
        lines.append(ROW.format(entry["what"], entry["by"], f"{entry['microseconds_a_row']:.3f}", ratio))
    return "\n".join(lines)
