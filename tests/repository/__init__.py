"""Promises about the repository itself: layers, pages and their commands, and what may not be in a file."""
