"""Registering the example workflows with a Flyte.

``launcher`` runs in the environment of the command line and starts ``program``, which runs in that of the
workflows: there is flytekit, and there is none of our packages, so ``program`` is started by its path. All
modules but ``launcher`` therefore need flytekit and the standard library only, and they import flytekit late,
because a registration that has nothing to do must not pay for it.
"""
