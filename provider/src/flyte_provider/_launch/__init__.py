"""Launching exactly once: what is wanted, the names it gets, and how a later try finds it again.

:mod:`.target` and :mod:`.identity` are plain and load with an operator; the other modules talk to Flyte and
    load when a task runs.
"""
