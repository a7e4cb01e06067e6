"""Two tasks in a row."""

from flytekit import task, workflow


@task
def say(name: str) -> str:
    return f"hello {name}"


@task
def shout(text: str) -> str:
    return text.upper()


@workflow
def hello(name: str = "world") -> str:
    return shout(text=say(name=name))
