"""The workflow of ``sandbox.curve.dynamic``: a dynamic task that yields tasks which sleep in the engine."""

from dataclasses import dataclass
from datetime import timedelta

from flytekit import dynamic, task, workflow
from flytekit.core.python_function_task import PythonFunctionTask
from flytekit.extend import TaskPlugins


@dataclass
class Sleep:
    """The task's one input says how long."""


class SleepTask(PythonFunctionTask[Sleep]):
    def __init__(self, task_config, task_function, **kwargs):
        super().__init__(task_config, task_function, task_type="core-sleep", **kwargs)


TaskPlugins.register_pythontask_plugin(Sleep, SleepTask)


@task(task_config=Sleep())
def nap(duration: timedelta):
    """Never called: the engine sleeps."""


@dynamic
def naps(count: int):
    for _ in range(count):
        nap(duration=timedelta(0))


@workflow
def yielded(count: int):
    naps(count=count)
