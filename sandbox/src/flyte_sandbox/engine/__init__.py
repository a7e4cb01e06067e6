"""Decides what an execution does next and does it: persist, commit, then act.

``loop`` is the one thread; its rooms know of each other only what stands here, in ``messages`` and ``model``.

======================  ======================================================================================
``deciding``            What happens next, on plain objects, without clock, process or database.
``records``, ``acting`` Writes a decision down; does it after the commit. ``loading`` reads executions back.
``tasks``               Attempts: their commands, variables, secrets and files, and what they leave behind.
``resources``           What attempts ask of this machine, and which of them may run now.
``caching``             The key of a task's outputs, and looking them up in the catalog.
======================  ======================================================================================
"""
