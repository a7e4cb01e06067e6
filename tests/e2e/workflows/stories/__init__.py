"""Workflows that the end-to-end stories need and nobody else does."""
