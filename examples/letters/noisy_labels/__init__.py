"""Many noisy labels and few verified ones: python -m examples.letters.noisy_labels."""
