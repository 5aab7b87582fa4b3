"""Classes of which some are rare, and rows without labels: python -m examples.letters.long_tail."""
