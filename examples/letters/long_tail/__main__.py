"""Rare classes, and rows without labels: python -m examples.letters.long_tail [--seeds N] [--short].

Networks are trained by PyTorch and served one after another. ProposeLabels weighs classes and gives labels to rows
that have none, but to those that are novel beside a reference; Evaluate judges.
"""

from examples.letters.long_tail.experiment import run
from examples.letters.long_tail.report import drawn, report
from examples.letters.reports import asked, for_each_seed, write


def main() -> None:
    """Train, measure, print, and write down."""
    given = asked(__doc__, seeds=8)
    runs = for_each_seed(run, given.seeds, short=given.short)
    found, plot = report(runs), drawn(runs)
    print(found)
    if not given.short:
        write("long_tail", found, plot)


if __name__ == "__main__":
    main()
