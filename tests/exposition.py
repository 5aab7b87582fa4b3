"""What /metrics says."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


def value_in(text: str, name: str, labels: Mapping[str, str]) -> float:
    """The sum of a metric's samples with these labels.

    Only its lines are parsed. To parse all of them takes many times as long, in which what a test waits for may
    have come and gone.
    """
    lines = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(name))
    samples = [sample for family in text_string_to_metric_families(lines) for sample in family.samples]
    wanted = (sample for sample in samples if sample.name == name and labels.items() <= sample.labels.items())
    return sum(sample.value for sample in wanted)
