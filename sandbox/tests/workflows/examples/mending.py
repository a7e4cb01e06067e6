"""Fails in several places until a file says otherwise, to be recovered."""

from pathlib import Path

from flytekit import LaunchPlan, WorkflowFailurePolicy, current_context, dynamic, map_task, task, workflow


def write(log: str, line: str) -> None:
    with Path(log).open("a") as file:
        file.write(f"{line}\n")


@task(enable_deck=True)
def note(log: str, name: str) -> str:
    write(log, name)
    return name


@task
def fragile(log: str, gate: str, name: str) -> str:
    write(log, name)
    if not Path(gate).exists():
        raise ValueError(f"{name} is broken")
    return name


@task
def from_checkpoint(log: str, gate: str) -> str:
    checkpoint = current_context().checkpoint
    seen = checkpoint.read()
    write(log, "counted" if seen is None else f"counted from {seen.decode()}")
    checkpoint.write(b"7")
    if not Path(gate).exists():
        raise ValueError("not yet")
    return (seen or b"").decode()


@workflow
def inside(log: str, gate: str) -> str:
    first = note(log=log, name="inside first")
    second = fragile(log=log, gate=gate, name="inside second")
    first >> second
    return second


@dynamic
def yields(log: str, gate: str) -> str:
    write(log, "yields")
    note(log=log, name="yielded first")
    return fragile(log=log, gate=gate, name="yielded second")


@workflow
def child(log: str, name: str) -> str:
    return note(log=log, name=name)


child_plan = LaunchPlan.get_or_create(child, name="examples.mending.child_plan")


@task
def square(number: int) -> int:
    return number * number


@workflow(failure_policy=WorkflowFailurePolicy.FAIL_AFTER_EXECUTABLE_NODES_COMPLETE)
def mended(log: str, gate: str, numbers: list[int]) -> tuple[str, str, str, str, str, list[int]]:
    plain = note(log=log, name="plain")
    nested = inside(log=log, gate=gate)
    dynamically = yields(log=log, gate=gate)
    counted = from_checkpoint(log=log, gate=gate)
    launched = child_plan(log=log, name="child")
    squares = map_task(square)(number=numbers)
    return plain, nested, dynamically, counted, launched, squares
