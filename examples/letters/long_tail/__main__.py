"""Rare classes, and rows without labels: python -m examples.letters.long_tail [--seeds N] [--short].

Networks are trained by PyTorch and served one after another. ProposeLabels weighs classes and gives labels to rows
that have none, but to those that are novel beside a reference; Evaluate judges.
"""

from examples.letters.long_tail.experiment import run
from examples.letters.long_tail.report import drawn, report
from examples.letters.reports import asked, for_each_seed, save, write


def main() -> None:
    """Train, measure, print, and write down."""
    given = asked(__doc__, seeds=8)
    if given.short:
        for name, columns in run(0, short=True).items():
            for value, accuracies in columns.items():
                for way, accuracy in accuracies.items():
                    print(f"{name} {value:g}: {way} {accuracy:.1%}")
        return
    runs = for_each_seed(run, given.seeds)
    found = report(runs)
    print(found)
    write("long_tail.md", found)
    save(drawn(runs), "long_tail.png")


if __name__ == "__main__":
    main()
