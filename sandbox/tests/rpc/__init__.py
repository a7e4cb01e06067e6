"""The gRPC side of the server, over a real channel."""
