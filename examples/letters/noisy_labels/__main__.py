"""Many noisy labels and few verified ones: python -m examples.letters.noisy_labels [--seeds N] [--short].

Networks are trained in four ways, by PyTorch, and served one after another; what is said of them comes from the
service: Score cleans labels, and Evaluate measures.
"""

from examples.letters.noisy_labels.experiment import run
from examples.letters.noisy_labels.report import drawn, report
from examples.letters.reports import asked, for_each_seed, write


def main() -> None:
    """Train, measure, print, and write down."""
    given = asked(__doc__, seeds=5)
    runs = for_each_seed(run, given.seeds, short=given.short)
    found, plot = report(runs), drawn(runs)
    print(found)
    if not given.short:
        write("noisy_labels", found, plot)


if __name__ == "__main__":
    main()
