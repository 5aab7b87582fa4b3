"""Many noisy labels and few verified ones: python -m examples.letters.noisy_labels [--seeds N] [--short].

Networks are trained in four ways, by PyTorch, and served one after another; what is said of them comes from the
service: Score cleans labels, and Evaluate measures.
"""

from examples.letters.noisy_labels.experiment import VERIFIED, run
from examples.letters.noisy_labels.report import drawn, report
from examples.letters.noisy_labels.training import Settings
from examples.letters.reports import asked, for_each_seed, save, write


def main() -> None:
    """Train, measure, print, and write down."""
    given = asked(__doc__, seeds=5)
    if given.short:
        short = run(0, word_count=2000, verified_counts=[200], settings=Settings(300, 100))
        for way, figures in short[200].items():
            print(way, *(f"{name} {figures[name]:.3f}" for name in ("mAP", "AP_all")))
        return
    runs = for_each_seed(run, given.seeds)
    found = report(runs, middle=VERIFIED[1])
    print(found)
    write("noisy_labels.md", found)
    save(drawn(runs), "noisy_labels.png")


if __name__ == "__main__":
    main()
