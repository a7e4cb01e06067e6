"""A plugin of flytekit: builds an ``ImageSpec`` as a uv environment when the Flyte spoken to is a sandbox.

flytekit imports it by itself wherever this package is installed beside it (entry point ``flytekit.plugins``),
in every process, tasks included; so importing it must cost next to nothing. The server never imports it.

``builder`` is what flytekit asks, ``sandboxes`` finds out which Flyte is meant, ``recipes`` turns the
``ImageSpec`` into what uv is to do, ``building`` does it.
"""

from flyte_sandbox.flytekit_plugin.builder import register

register()
