"""The workflow of most rows: two tasks, the second after the first; and one that is seldom run."""

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


@workflow
def seldom(name: str = "world") -> str:
    return greet(name=name)
