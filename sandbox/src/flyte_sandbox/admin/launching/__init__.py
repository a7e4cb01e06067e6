"""Launching: from a request to a new execution, which the engine is then told of.

``creating`` does it in order: ``requests`` says whether the request is well formed, ``targets`` what it
means, ``resolving`` which of the places that may set an option wins, and ``preparing`` what is stored.
``relaunching`` launches again what was launched before; ``single_tasks`` makes workflows of single tasks.
Reading and ending executions is ``executions``', running them the engine's.
"""
