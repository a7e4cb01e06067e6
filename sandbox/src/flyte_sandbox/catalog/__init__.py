"""Remembers the outputs of cacheable tasks by key. Computing the key is the engine's."""
