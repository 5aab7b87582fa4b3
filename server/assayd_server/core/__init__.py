"""Pure functions over arrays: no input, no output, no state. Imports NumPy and scipy.special only."""
