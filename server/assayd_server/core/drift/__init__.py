"""Drift: whether a window of rows still looks like the reference, from counts and sums that add up."""
