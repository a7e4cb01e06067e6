"""Attempts of tasks: what is ordered from the runner, and what came of it.

``ordering`` takes an attempt through its life. ``attempts`` makes the command, its variables and its files;
``outcomes`` reads what the task left, and ``dynamics`` compiles the workflow that it may have written.
``sleeping`` runs the one type of task that needs no process. Retries and deadlines are ``deciding``'s, the
processes themselves the runner's, and how many of them at once is up to ``resources``.
"""
