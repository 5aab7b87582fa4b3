"""Benchmarks: run on request, never judged by a test."""
