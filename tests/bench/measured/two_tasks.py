"""The workflow of ``sandbox.hello`` and ``sandbox.edit``: two tasks, the second after the first."""

from flytekit import task, workflow


@task
def greet(name: str) -> str:
    return f"Hello, {name}!"


@task
def say(greeting: str) -> str:
    return greeting


@workflow
def hello(name: str = "world") -> str:
    return say(greeting=greet(name=name))
