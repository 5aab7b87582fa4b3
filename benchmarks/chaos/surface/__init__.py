"""Everything that the client can ask, in random order, between random faults, against NumPy."""
