"""Branches: by an input, by an output, nested, with and without a last word."""

from flytekit import conditional, task, workflow


@task
def add(number: int, more: int) -> int:
    return number + more


@workflow
def sizes(number: int) -> int:
    """Small numbers grow by 1, middle ones by 10, large ones by 100."""
    return (
        conditional("size")
        .if_(number < 10)
        .then(add(number=number, more=1))
        .elif_((number >= 10) & (number < 100))
        .then(add(number=number, more=10))
        .else_()
        .then(add(number=number, more=100))
    )


@workflow
def after_a_task(number: int) -> int:
    grown = add(number=number, more=1)
    chosen = (
        conditional("even_more").if_(grown == 5).then(add(number=grown, more=1000)).else_().fail("not five")
    )
    return add(number=chosen, more=0)


@workflow
def nested(number: int, other: int) -> int:
    return (
        conditional("outer")
        .if_(number > 0)
        .then(
            conditional("inner")
            .if_(other > 0)
            .then(add(number=number, more=other))
            .else_()
            .then(add(number=number, more=1))
        )
        .else_()
        .then(add(number=number, more=2))
    )
