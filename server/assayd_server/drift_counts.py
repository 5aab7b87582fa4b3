"""Counts of production rows by column and bin, and what the reference has there, for Prometheus to add up."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from assayd_server.bin_names import bin_names
from assayd_server.core.arrays import Integers
from assayd_server.core.drift import Tally

ALPHA = 0.01
"""The level of the evidence over a fleet, all columns together."""
WINDOWS_OVERLAP = 15
"""The level is divided by this. Rules look at ranges that overlap, once every minute or so: many tests, of which
neighbours are nearly the same, so that no law says how many alarms they come to."""
REFERENCE_DIGITS = 12
"""Of a digest, as a label."""
_COLUMN = ("model", "version", "reference", "column")


class RecordedDrift(ABC):
    """What is counted of one model version."""

    def __init__(self, tally: Tally, *, labels: Sequence[str], digest: str) -> None:
        """Begin.

        Args:
            tally: the columns.
            labels: the names of the model's classes.
            digest: of the reference.
        """
        self.tally = tally
        self.bins = [bin_names(one.column, labels) for one in tally.columns]
        """The names of the bins of each column."""
        self.reference = digest.removeprefix("sha256:")[:REFERENCE_DIGITS]

    @abstractmethod
    def read(self) -> tuple[Integers, int]:
        """(bins,) rows by bin, and how many rows could not be counted; both only ever grow."""
        ...


class _Families(NamedTuple):
    rows: CounterMetricFamily
    shares: GaugeMetricFamily
    reference_rows: GaugeMetricFamily
    critical: GaugeMetricFamily
    uncounted: CounterMetricFamily


class DriftCountsCollector(Collector):
    """Shows the counts of every model that has a reference."""

    def __init__(self) -> None:
        self._recorded: dict[tuple[str, str], RecordedDrift] = {}

    def add_model(self, name: str, version: str, recorded: RecordedDrift) -> None:
        """Show one more model version."""
        self._recorded[name, version] = recorded

    def remove_model(self, name: str, version: str) -> None:
        """Show it no more."""
        self._recorded.pop((name, version), None)

    def collect(self) -> Iterator[Metric]:
        """The counts as they are now."""
        families = _families()
        for key, recorded in list(self._recorded.items()):
            counts, uncounted = recorded.read()
            labels = [*key, recorded.reference]
            families.uncounted.add_metric(labels, uncounted)
            _add(families, labels, recorded, counts)
        yield from families


def _families() -> _Families:
    binned = [*_COLUMN, "bin"]
    return _Families(
        CounterMetricFamily(
            "assayd_drift_rows",
            "Production rows by column and bin of the reference: add them up over the fleet.",
            labels=binned,
        ),
        GaugeMetricFamily(
            "assayd_drift_reference_share",
            "The share of the reference's rows in each bin, (count + 1/2) / (rows + bins/2).",
            labels=binned,
        ),
        GaugeMetricFamily(
            "assayd_drift_reference_rows", "How many rows the reference has of each column.", labels=_COLUMN
        ),
        GaugeMetricFamily(
            "assayd_drift_psi_critical",
            "Times (1/n + 1/m), for n rows of the reference and m of traffic: the PSI beyond chance.",
            labels=_COLUMN,
        ),
        CounterMetricFamily(
            "assayd_drift_uncounted_rows",
            "Production rows that a fault kept from being counted; the log has the cause.",
            labels=_COLUMN[:-1],
        ),
    )


def _add(families: _Families, labels: list[str], recorded: RecordedDrift, counts: Integers) -> None:
    tally = recorded.tally
    alpha = ALPHA / WINDOWS_OVERLAP / max(len(tally.columns), 1)
    for one, counted, names in zip(tally.columns, tally.split(counts), recorded.bins, strict=True):
        of_column = [*labels, one.name]
        families.reference_rows.add_metric(of_column, one.reference_rows)
        families.critical.add_metric(of_column, one.psi_critical(alpha))
        for label, rows, share in zip(names, counted.tolist(), one.reference_shares.tolist(), strict=True):
            families.rows.add_metric([*of_column, label], rows)
            families.shares.add_metric([*of_column, label], share)
