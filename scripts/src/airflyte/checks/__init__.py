"""The checks of ``airflyte doctor``, by what they look at; each module has a tuple ``CHECKS``.

A check only looks. It gets the settings and the environment and returns one finding, or several; it never
raises for what it finds, and it never takes longer than its own small time limit.
"""
