"""Tells clients on this machine that this is no other Flyte, and where environments for images go.

The other side is ``flytekit_plugin.sandboxes``. Nothing here lets anybody do what their files' modes do not.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from flyte_sandbox import __version__
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.environments import BuiltEnvironments


class Environments:
    """Answers ``GET /sandbox/environments``.

    ``id`` is in the folder, too: a client that does not find it there is on another machine.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self._built = BuiltEnvironments(config.built_environments)

    async def __call__(self, _: Request) -> Response:
        config = self._config
        return JSONResponse(
            {
                "server": "flyte-sandbox",
                "version": __version__,
                "id": self._built.identify(),
                "folder": str(self._built.folder),
                "uv": str(config.uv) if config.uv else None,
                "interpreters": {name: str(path) for name, path in config.environments.items()},
            }
        )
