"""The command ``flyte-sandbox``: serve in the foreground, or start, look at and end one in the background."""

from flyte_sandbox.cli.main import main

__all__ = ["main"]
