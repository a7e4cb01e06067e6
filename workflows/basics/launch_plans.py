"""Launch plans: one workflow, several ways to start it.

A launch plan is a workflow with some inputs filled in. A *default* input may be overridden by whoever
launches it, a *fixed* one may not: Flyte refuses an execution that tries.
"""

from flytekit import LaunchPlan, task, workflow


@task
def repeat(word: str, times: int, punctuation: str) -> str:
    """The word, so many times."""
    return " ".join([word] * times) + punctuation


@workflow
def cheer_wf(word: str, times: int = 3, punctuation: str = "!") -> str:
    """Cheer.

    :param word: what to shout; without a default, so the launch plan of the same name asks for it.
    :param times: how often.
    :param punctuation: how it ends.
    :return: the cheer.
    """
    return repeat(word=word, times=times, punctuation=punctuation)


# Ready to launch without any input; "word" may be overridden.
hip_hip = LaunchPlan.get_or_create(
    workflow=cheer_wf,
    name="basics.launch_plans.hip_hip",
    default_inputs={"word": "hooray"},
)

# "times" is fixed: launching it with another number is an error, not a surprise.
once = LaunchPlan.get_or_create(
    workflow=cheer_wf,
    name="basics.launch_plans.once",
    default_inputs={"word": "hooray", "punctuation": "."},
    fixed_inputs={"times": 1},
)


@workflow
def rally_wf(first: str = "hip", second: str = "hooray") -> tuple[str, str]:
    """Launch plans as nodes: each of the two becomes an execution of its own.

    :param first: what the first launch plan shouts.
    :param second: what the second one shouts, once.
    :return: both cheers.
    """
    return hip_hip(word=first, times=2), once(word=second)
