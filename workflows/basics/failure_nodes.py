"""Failure nodes: what to do when a workflow fails, however it does.

``on_failure`` names a task or workflow that gets the workflow's inputs and, if it asks for it, the error.
It cleans up; the execution has failed all the same.
"""

from flytekit import WorkflowFailurePolicy, task, workflow
from flytekit.types.error.error import FlyteError


@task
def create_cluster(name: str) -> str:
    """Something that has to be taken down again."""
    print(f"cluster {name} is up")  # noqa: T201 - the task's log is what this task is about
    return name


@task
def compute(cluster: str, lucky: bool) -> int:
    """Fails on bad days."""
    if not lucky:
        raise ValueError("out of luck")
    return len(cluster)


@task
def delete_cluster(name: str, lucky: bool, err: FlyteError | None = None) -> None:
    """Has the inputs of the workflow, by the same names; ``err`` is the error."""
    print(f"cluster {name} is down, because: {err.message if err else 'nobody said'}")  # noqa: T201


@workflow(
    on_failure=delete_cluster, failure_policy=WorkflowFailurePolicy.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE
)
def failure_wf(name: str = "blue", lucky: bool = True) -> int:
    """Compute on a cluster that does not outlive a failure.

    :param name: of the cluster.
    :param lucky: whether computing succeeds.
    :return: the result.
    """
    return compute(cluster=create_cluster(name=name), lucky=lucky)
