"""The verbs of the command line, one module each.

A verb's module has three names, and nothing else knows about it: ``HELP`` (one line),
``add_arguments(parser)`` and ``run(args, settings) -> int`` (the exit code). A dash in the verb is an
underscore in the module's name. ``HELP`` must be a plain string: the list of verbs reads it from the source,
because nothing may be installed yet when somebody asks for help.
"""
