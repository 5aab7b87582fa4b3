"""Measures the synchronous and the asyncio gRPC server under the same scoring loads."""
