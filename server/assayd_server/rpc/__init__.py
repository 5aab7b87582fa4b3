"""The gRPC side: servicers convert, call the engine and convert back. The only folder that imports grpc."""

import os

# gRPC's core writes lines of its own, which are no JSON, about headers and frames that make no sense, and repeats
# what it was sent: whoever reaches the port could fill the log, and write lines into it. Before grpc is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
