"""Workflows that the conformance tests register and run."""
