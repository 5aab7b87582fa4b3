"""Generated stubs of package assayd.v1; `make stubs` writes them."""
