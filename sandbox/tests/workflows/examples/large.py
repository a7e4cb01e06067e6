"""Values that are too large for a message."""

from flytekit import map_task, task, workflow

SIZE = 6 * 1024 * 1024


@task
def make() -> tuple[str, list[str], dict[str, str]]:
    return "x" * 2 * SIZE, ["a" * SIZE, "b" * SIZE], {"first": "c" * SIZE, "second": "d" * SIZE}


@task
def measure(text: str) -> str:
    return f"{text[0]}{len(text)}"


@workflow
def large() -> tuple[str, list[str], str, str]:
    text, texts, table = make()
    return (
        measure(text=text),
        map_task(measure)(text=texts),
        measure(text=texts[1]),
        measure(text=table["first"]),
    )
