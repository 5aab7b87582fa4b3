"""The metrics of several processes on one page, in Prometheus' text format.

Each worker's series get a label of their own, so that Prometheus sees a restart as the reset of a counter, and
sums add up as over replicas. Text is made of text: to read samples and write them anew takes fifty times as long.
"""

from collections.abc import Iterable, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_FAMILY = (
    "\n# HELP "  # newlines in help texts and values are escaped, so that this begins a family and nothing else
)
_HEADER_LINES = 2


def merged(own: str, of_workers: Mapping[str, str]) -> str:
    """One page with every family once.

    Args:
        own: the page of the parent, whose series are left as they are.
        of_workers: the page of each worker, by the value of its label.

    Returns:
        The page; families in the order in which they come first.
    """
    families: dict[str, list[str]] = {}
    for family, header, samples in _families(own):
        families.setdefault(family, header).extend(samples)
    for worker, page in of_workers.items():
        for family, header, samples in _families(page):
            families.setdefault(family, header).extend(_labelled(sample, worker) for sample in samples)
    return "".join(f"{line}\n" for lines in families.values() for line in lines)


def _families(page: str) -> Iterable[tuple[str, list[str], list[str]]]:
    """Name, the lines HELP and TYPE, and the samples of each family."""
    for block in f"\n{page}".rstrip("\n").split(_FAMILY)[1:]:
        lines = f"# HELP {block}".split("\n")
        yield block.partition(" ")[0], lines[:_HEADER_LINES], lines[_HEADER_LINES:]


def _labelled(sample: str, worker: str) -> str:
    name, brace, rest = sample.partition("{")
    if brace:
        return f'{name}{{worker="{worker}",{rest}'
    name, _, value = sample.partition(" ")
    return f'{name}{{worker="{worker}"}} {value}'
