"""The client configuration of this stack's Flyte: one file in the state folder, for ``FLYTECTL_CONFIG``.

Nothing of ours is ever written to ``~/.flyte``: whoever has a real cluster configured there keeps it.
"""

from __future__ import annotations

from pathlib import Path

from airflyte.settings import Settings

VARIABLE = "FLYTECTL_CONFIG"

# The keys are those that flytekit reads, in flytekit/configuration/internal.py, and flytectl writes.
_TEMPLATE = """\
# Written by airflyte; it points pyflyte, flytectl and FlyteRemote at the stack of this checkout.
admin:
  endpoint: dns:///localhost:{flyte}
  insecure: true
console:
  endpoint: http://localhost:{flyte}
storage:
  connection:
    endpoint: http://localhost:{s3}
    access-key: minio
    secret-key: miniostorage
"""


def write(settings: Settings) -> Path:
    """Write the file for the ports of these settings; calling it again changes nothing."""
    path = settings.folder.flyte_config
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(settings), encoding="utf-8")
    return path


def text(settings: Settings) -> str:
    """The content of the file."""
    return _TEMPLATE.format(flyte=settings.ports.flyte, s3=settings.ports.s3)
