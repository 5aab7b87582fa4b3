"""What is measured, and of what."""

from examples.letters.noisy_labels.words import COMMON, MIDDLE, RARE

WAYS = ("noisy only", "fine-tuned on clean", "fine-tuned on mixed", "cleaned jointly")
MEASURES = ("mAP", "AP_all")
GROUPS = {"common": COMMON, "middle": MIDDLE, "rare": RARE}
Figures = dict[str, float]
"""Both measures of all letters and of each group, by names such as "mAP rare"."""
Run = dict[int, dict[str, Figures]]
"""By how many words are verified: the figures of each way, and of labels."""
