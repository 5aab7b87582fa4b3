"""Worked examples on 20,000 images of letters, each a command: python -m examples.letters.pool_learning."""
