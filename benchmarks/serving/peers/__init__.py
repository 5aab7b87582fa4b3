"""The peers: what sets them up, and what runs in their environments, where nothing of assayd is."""
