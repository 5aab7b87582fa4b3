"""Reduces rounds to medians and spreads, and prints them as one table."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.server_kinds.loads import LoadResult, StallResult

BASELINE = "sync-64"
LoadRounds = Mapping[tuple[str, str], Sequence[LoadResult]]
StallRounds = Mapping[str, Sequence[StallResult]]
_METRICS = ("requests_per_second", "p50_ms", "p99_ms", "server_cpu_us_per_request")
_PACKAGES = ("grpcio", "numpy", "onnx", "onnxruntime")
_ROW = "{:<24} {:<15} {:>7} {:>20} {:>8} {:>8} {:>16} {:>16} {:>8} {:>8} {:>7} {:>7}"
_HEADINGS = (
    "load", "server", "req/s", "req/s ratio", "p50 ms", "p99 ms", "p99 ratio", "cpu/req ratio",
    "cpu us", "rows/run", "client", "failed",
)  # fmt: skip


def describe_machine() -> dict[str, Any]:
    return {
        "cpu_model": _cpu_model(),
        "cpu_count": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "pinned": hasattr(os, "sched_setaffinity"),
    }


def _cpu_model() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _spread(values: Iterable[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": statistics.median(known), "lowest": min(known), "highest": max(known)}


def _round_ratios(results: Sequence[LoadResult], baseline: Sequence[LoadResult], metric: str) -> list[Any]:
    pairs = [(getattr(a, metric), getattr(b, metric)) for a, b in zip(results, baseline, strict=True)]
    return [None if a is None or not b else a / b for a, b in pairs]


def summarise_loads(rounds: LoadRounds) -> list[dict[str, Any]]:
    """Gives, per load and server, medians over rounds and medians of each round's ratio."""
    return [
        {"load": load, "server": server, **_summarise_load(results, rounds[load, BASELINE])}
        for (load, server), results in rounds.items()
    ]


def _summarise_load(results: Sequence[LoadResult], baseline: Sequence[LoadResult]) -> dict[str, Any]:
    return {
        "values": {metric: _spread(getattr(result, metric) for result in results) for metric in _METRICS},
        "ratios": {metric: _spread(_round_ratios(results, baseline, metric)) for metric in _METRICS},
        "rows_per_pass": _spread(result.rows_per_pass for result in results),
        "client_cpu_share": _spread(result.client_cpu_share for result in results),
        "stream_answers_per_second": _spread(result.stream_answers_per_second for result in results),
        "failed_count": sum(sum(result.failures.values()) for result in results),
        "rounds": [asdict(result) for result in results],
    }


def summarise_stalls(rounds: StallRounds) -> list[dict[str, Any]]:
    return [
        {"server": server, "rounds": [asdict(result) for result in server_results]}
        for server, server_results in rounds.items()
    ]


def _four_digits(text: str) -> float:
    return float(f"{float(text):.4g}")


def format_json(content: Mapping[str, Any]) -> str:
    """Writes one line per load or probe, and four digits, so that a difference can be read."""
    rounded = json.loads(json.dumps(content), parse_float=_four_digits)
    sections = [f" {json.dumps(key)}: {_format_section(value)}" for key, value in rounded.items()]
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _format_section(value: Any) -> str:
    if not isinstance(value, list):
        return json.dumps(value)
    return "[\n" + ",\n".join(f"  {json.dumps(entry)}" for entry in value) + "\n ]"


def _median(spread: dict[str, float] | None, pattern: str) -> str:
    return pattern.format(spread["median"]) if spread else "-"


def _ratio_text(spread: dict[str, float] | None) -> str:
    if not spread:
        return "-"
    return "{median:.2f} ({lowest:.2f}-{highest:.2f})".format(**spread)


def _load_line(summary: Mapping[str, Any]) -> str:
    values, ratios = summary["values"], summary["ratios"]
    return _ROW.format(
        summary["load"],
        summary["server"],
        _median(values["requests_per_second"], "{:.0f}"),
        _ratio_text(ratios["requests_per_second"]),
        _median(values["p50_ms"], "{:.2f}"),
        _median(values["p99_ms"], "{:.2f}"),
        _ratio_text(ratios["p99_ms"]),
        _ratio_text(ratios["server_cpu_us_per_request"]),
        _median(values["server_cpu_us_per_request"], "{:.0f}"),
        _median(summary["rows_per_pass"], "{:.1f}"),
        _median(summary["client_cpu_share"], "{:.0%}"),
        summary["failed_count"],
    )


def _sum_outcomes(results: Sequence[StallResult]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for result in results:
        totals.update(result.outcomes)
    return totals


def _stall_line(name: str, results: Sequence[StallResult], *, waits_held: bool) -> str:
    result = results[-1]
    outcomes = ", ".join(f"{count} {code}" for code, count in _sum_outcomes(results).items() if count)
    seen_count = "unknown" if result.seen_stalled_count is None else result.seen_stalled_count
    held_text = _seconds_text(result.answered_while_held_seconds)
    return (
        f"{name:<24} {result.stalled_count} stalled ({seen_count} seen): "
        f"{outcomes} in {result.outcome_ms:.0f} ms; health {result.health_outcome}; "
        f"all answered {f'while held: {held_text}, ' if waits_held else ''}"
        f"after release: {_seconds_text(result.answered_after_release_seconds)}"
    )


def _seconds_text(seconds: float | None) -> str:
    return "no" if seconds is None else f"{seconds:.2f} s"


def format_table(loads: Sequence[Mapping[str, Any]], stalls: StallRounds, bounds: StallRounds) -> str:
    lines = [_ROW.format(*_HEADINGS)]
    lines += [_load_line(summary) for summary in loads]
    lines += ["", "Ordinary calls beside as many stalled calls as workers (asyncio: 64):"]
    lines += [_stall_line(server, results, waits_held=False) for server, results in stalls.items()]
    lines += ["", "Bounds, each on a server with 64 workers and 64 calls stalled on one connection:"]
    lines += [_stall_line(bound, results, waits_held=True) for bound, results in bounds.items()]
    return "\n".join(lines)
