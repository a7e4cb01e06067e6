"""Decides what an execution does next and does it: persist, commit, then act.

``flow`` and ``nodes`` decide, on plain objects, without clock, process or database. ``loop`` is the one
thread that feeds them, writes down what they decided, and only then lets it happen.
"""
