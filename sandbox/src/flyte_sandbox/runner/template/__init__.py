"""The program of a template process: forks attempts, waits for them, records how they end.

It runs under the environment's own interpreter (Python 3.9 or later, flytekit but nothing of ours installed),
so these files use the standard library only and each other by relative imports. ``main.py`` loads them under
a private name. The server imports from here what both sides must agree on: ``records``, ``processes``,
``archives``.
"""
