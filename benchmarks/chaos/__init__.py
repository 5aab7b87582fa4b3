"""Faults that are put on real servers: python -m benchmarks.chaos."""
