"""Tasks that fail in the ways that Flyte tells apart."""

import os
import sys

from flytekit import task, workflow
from flytekit.exceptions.user import FlyteRecoverableException


@task
def boom(text: str) -> str:
    if text:
        raise ValueError(f"boom: {text}")
    return text


@workflow
def fails(text: str = "why") -> str:
    return boom(text=text)


@task(retries=2)
def flaky() -> int:
    attempt = int(os.environ["FLYTE_ATTEMPT_NUMBER"])
    if attempt < 2:
        raise FlyteRecoverableException(f"not yet, attempt {attempt}")
    return attempt


@workflow
def recovers() -> int:
    return flaky()


@task(retries=1)
def never(number: int) -> int:
    if number > 0:
        raise FlyteRecoverableException("never")
    return number


@workflow
def exhausts() -> int:
    return never(number=1)


@task
def exits(code: int) -> None:
    print("about to leave", flush=True)  # noqa: T201
    sys.exit(code)


@workflow
def leaves(code: int = 3) -> None:
    exits(code=code)
