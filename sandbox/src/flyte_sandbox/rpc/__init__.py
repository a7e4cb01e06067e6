"""Speaks gRPC: which handler answers which method, and how errors leave. Rules live in ``admin``."""
