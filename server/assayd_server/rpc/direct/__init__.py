"""Calls that come without a thread: one loop takes the messages of all, and answers what is quick by itself.

grpc.server gives each call a thread, wakes it for its message and again for its turn, which costs more than most
models do. Here a call has a thread only once its message is there, and only where it may take long
(docs/decisions/0013). core_calls.py alone knows what grpc's server is made of; where a release of grpc is made of
something else, or a setting says so, calls are taken the plain way.
"""
