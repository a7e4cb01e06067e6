"""Events: what has happened to executions, nodes and attempts, written into their rows.

``recording`` writes, whoever saw it happen; ``reported`` checks what comes by a call before it does so;
``illegal_moves`` says why a phase may not change, and ``notifications`` who would be told of an end. Which
moves are legal stands in ``flyte_sandbox.phases``; reading rows is left to the modules named after them.
"""
