"""Examples: short programs that use assayd as yours would."""
