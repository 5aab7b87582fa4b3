"""`assayctl`, the client's command line: `pip install "assayd[cli]"`."""
