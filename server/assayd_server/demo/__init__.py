"""The demo that ships with the server: a small network, and images that it has never seen."""
