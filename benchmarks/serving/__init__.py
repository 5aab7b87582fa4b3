"""Measures assayd beside its peers and beside the limits of transport and compute; read benchmarks/README.md."""
