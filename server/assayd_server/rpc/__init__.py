"""The gRPC side: servicers convert, call the engine and convert back. The only folder that imports grpc."""
