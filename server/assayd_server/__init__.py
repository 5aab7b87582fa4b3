"""The assayd server. Start it with `assayd serve`."""
