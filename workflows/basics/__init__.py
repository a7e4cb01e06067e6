"""Flyte by example: a file for each subject, to be read in the order of docs/user-guide.md."""
