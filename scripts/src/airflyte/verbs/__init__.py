"""The verbs of the command line, one module each.

A verb's module has three names, and nothing else knows about it: ``HELP`` (one line),
``add_arguments(parser)`` and ``run(args, settings) -> int`` (the exit code). A dash in the verb is an underscore
in the module's name. All modules are imported for ``airflyte help``, so heavy imports belong inside ``run``.
"""
