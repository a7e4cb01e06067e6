"""Workflows in workflows.

A workflow that is called inside another one becomes a *subworkflow*: its nodes belong to the same
execution. Called through a launch plan it becomes an execution of its own, with its own page, its own
permissions and a parallelism of its own; the node waits for it.
"""

from flytekit import LaunchPlan, task, workflow


@task
def square(number: float) -> float:
    """One of the smallest tasks."""
    return number * number


@task
def add(left: float, right: float) -> float:
    """Another one."""
    return left + right


@workflow
def sum_of_squares_wf(left: float, right: float) -> float:
    """Used below, and a workflow of its own that can be launched.

    :return: the sum of both squares.
    """
    return add(left=square(number=left), right=square(number=right))


as_execution = LaunchPlan.get_or_create(
    workflow=sum_of_squares_wf, name="basics.subworkflows.as_execution", default_inputs={"right": 1.0}
)


@workflow
def subworkflows_wf(number: float = 3.0) -> tuple[float, float]:
    """The same workflow twice: as a part of this execution, and as a child execution.

    :param number: whose square is taken.
    :return: the sum with the square of 2, and the one with the launch plan's default.
    """
    return sum_of_squares_wf(left=number, right=2.0), as_execution(left=number)
