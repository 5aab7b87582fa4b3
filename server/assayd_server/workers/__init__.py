"""Several server processes on one port, and the parent that starts them, restarts them and shows their metrics."""
