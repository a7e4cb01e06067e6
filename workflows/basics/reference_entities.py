"""References: using what somebody else has registered, without having their code.

A reference names project, domain, name and version, and repeats the interface, which is checked when it is
registered. Here the other team's code is ``basics.hello_world`` and ``basics.launch_plans``, in the version
of this file.
"""

from flytekit import reference_launch_plan, reference_task, workflow
from flytekit.core.context_manager import FlyteContextManager


def _this_version() -> str:
    """The version that is being registered; references to another team's code name a fixed one."""
    settings = FlyteContextManager.current_context().serialization_settings
    return (settings.version if settings else None) or "v1"


@reference_task(
    project="flytesnacks", domain="development", name="basics.hello_world.greet", version=_this_version()
)
def greet(name: str) -> str:
    """The body is never run; name and types are what counts."""


@reference_launch_plan(
    project="flytesnacks", domain="development", name="basics.launch_plans.hip_hip", version=_this_version()
)
def hip_hip(word: str, times: int, punctuation: str) -> str:
    """A launch plan becomes an execution of its own, as always."""


@workflow
def references_wf(name: str = "Ada") -> tuple[str, str]:
    """Greet and cheer with what others have registered.

    :param name: whom to greet.
    :return: the greeting and the cheer.
    """
    return greet(name=name), hip_hip(word="hip", times=2, punctuation="!")
