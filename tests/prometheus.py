"""A real Prometheus on loopback that scrapes servers of ours, and the chart's rules as it reads them."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from programs import program

RULES_DIR = Path(__file__).resolve().parents[1] / "helm" / "assayd" / "rules"
RULES = RULES_DIR / "drift.yaml"
WAIT_SECONDS_MAX = 90.0
STEP = "200ms"
"""How often is scraped and evaluated, where the rules say a minute."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an answer."""

    labels: dict[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    address: str

    def query(self, expression: str) -> list[Sample]:
        """What an expression is now."""
        found = self._get("query", query=expression)["result"]
        return [Sample(one["metric"], float(one["value"][1])) for one in found]

    def number(self, expression: str) -> float:
        """The value of an expression that has a single series; 0 where there is none."""
        return sum(sample.value for sample in self.query(expression))

    def wait_for(self, expression: str) -> list[Sample]:
        """What an expression is as soon as it has a series."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not (found := self.query(expression)):
            assert time.monotonic() < deadline, f"{expression} stays empty"
            time.sleep(0.05)
        return found

    def _get(self, path: str, **arguments: str) -> dict[str, Any]:
        with urlopen(f"http://{self.address}/api/v1/{path}?{urlencode(arguments)}", timeout=10) as response:
            answer = json.load(response)
        return answer["data"]


@contextmanager
def scraping(
    folder: Path, targets: list[str], rules: Mapping[str, str], alertmanagers: Sequence[str] = ()
) -> Iterator[Prometheus]:
    """Start Prometheus with these targets, as the job "assayd", these rules, and whom to tell of alerts."""
    files = {name: folder / f"{name}.yaml" for name in rules}
    for name, path in files.items():
        path.write_text(rules[name])
    timing = {"scrape_interval": STEP, "scrape_timeout": STEP, "evaluation_interval": STEP}
    jobs = [{"job_name": "assayd", "static_configs": [{"targets": targets}]}]
    told = [{"static_configs": [{"targets": list(alertmanagers)}]}] if alertmanagers else []
    config = {
        "global": timing,
        "rule_files": [str(path) for path in files.values()],
        "scrape_configs": jobs,
        "alerting": {"alertmanagers": told},
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))  # which is YAML too
    command = [
        program("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--query.lookback-delta=2s",  # as rarely as five minutes are to scrapes a minute apart
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as stderr, subprocess.Popen(command, stderr=stderr) as process:
        try:
            yield Prometheus(_address(process, log))
        finally:
            process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it answers."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while "Server is ready to receive web requests" not in (text := log.read_text()):
        assert process.poll() is None, f"it ended: {text}"
        assert time.monotonic() < deadline, f"it does not start: {text}"
        time.sleep(0.02)
    found = re.search(r'msg="Listening on".* address=(\S+)', text)
    assert found, text
    return found.group(1)


def hastened(window: str, *, drift_after: str, missing_after: str) -> str:
    """The chart's rules with scrapes of a fraction of a second in mind; their names stay as they are."""
    text = RULES.read_text().replace("interval: 1m", f"interval: {STEP}").replace("[1h]", f"[{window}]")
    waits = (f"for: {after}" for after in (drift_after, missing_after, missing_after))
    return re.sub("for: 15m", lambda _: next(waits), text)


def recorded(window: str) -> dict[str, str]:
    """The chart's rules by file, evaluated as often as is scraped, for what they record."""
    files = sorted(RULES_DIR.glob("*.yaml"))
    return {path.stem: _quick(path.read_text()).replace("[1h]", f"[{window}]") for path in files}


def _quick(text: str) -> str:
    return re.sub(r"interval: \d+[ms]", f"interval: {STEP}", text)


def of_totals() -> str:
    """The chart's recording rules over all rows that were ever counted, in place of those of the last hour."""
    text = RULES.read_text().partition("      - alert:")[0].replace("interval: 1m", f"interval: {STEP}")
    text = text.replace("increase(assayd_drift_rows_total[1h])", "assayd_drift_rows_total")
    return (
        text.replace("increase1h", "total").replace(":1h", ":total").replace("assayd-drift", "assayd-drift-totals")
    )
