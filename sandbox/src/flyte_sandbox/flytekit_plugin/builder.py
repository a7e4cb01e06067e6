"""The image builder that flytekit asks: builds for a sandbox, and hands everything else to whoever would have
built it without us.
"""

from __future__ import annotations

import click
from flytekit.image_spec.image_spec import ImageBuildEngine, ImageSpec, ImageSpecBuilder

from flyte_sandbox.flytekit_plugin import sandboxes

NAME = "flyte-sandbox"
_DEFAULT = "default"
_PRIORITY = 100


def register() -> None:
    """Become the builder of every ``ImageSpec`` that names none, and of those that name flytekit's own.

    A spec that names another one, such as ``envd`` or ``noop``, means it.
    """
    original = ImageBuildEngine.get_registry().get(_DEFAULT)
    ImageBuildEngine.register(NAME, SandboxImageBuilder(), priority=_PRIORITY)
    if original:
        builder, priority = original
        ImageBuildEngine.register(_DEFAULT, SandboxImageBuilder(builder), priority=priority)


class SandboxImageBuilder(ImageSpecBuilder):  # type: ignore[misc]  # flytekit has no types here
    """:param original: who builds for any other Flyte; None means flytekit's choice without us."""

    def __init__(self, original: ImageSpecBuilder | None = None) -> None:
        self._original = original

    def should_build(self, image_spec: ImageSpec) -> bool:
        if sandboxes.find() is not None:
            return True
        return bool(self._others().should_build(image_spec))

    def build_image(self, image_spec: ImageSpec) -> str | None:
        """:return: None for a sandbox: the image keeps the name that it would have anywhere.

        :raises RuntimeError: the environment cannot be built; the message is uv's.
        """
        sandbox = sandboxes.find()
        if sandbox is None:
            name: str | None = self._others().build_image(image_spec)
            return name
        if not sandbox.is_on_this_machine():
            click.secho(
                f"{image_spec.image_name()} is not built: the sandbox at {sandbox.endpoint} keeps its "
                "environments on another machine. Its tasks run in the default one.",
                fg="yellow",
            )
            return None
        # Not before they are needed: every process that imports flytekit imports this module.
        from flyte_sandbox.flytekit_plugin.building import build
        from flyte_sandbox.flytekit_plugin.recipes import make_recipe

        build(make_recipe(image_spec, sandbox), sandbox, _say)
        return None

    def _others(self) -> ImageSpecBuilder:
        if self._original is not None:
            return self._original
        registry = ImageBuildEngine.get_registry()
        best = max((name for name in registry if name != NAME), key=lambda name: registry[name][1])
        # It also looks whether envd is new enough.
        return ImageBuildEngine._get_builder(best)


def _say(text: str) -> None:
    click.secho(text, fg="blue")
