"""The figures of the project, measured: one row per figure, one family of rows per module.

``registry`` lists every row with its goal, ``cli`` chooses and prints, ``workshop`` gives a row what it needs
(interpreters, a scratch folder, servers of its own). Run it with ``make bench`` or ``make bench BENCH=name``.
"""
