"""Tasks whose outputs are remembered."""

import uuid

from flytekit import task, workflow


@task(cache=True, cache_version="1")
def draw(seed: int) -> str:
    """Another value each time that it really runs."""
    return f"{seed}-{uuid.uuid4().hex}"


@workflow
def drawn(seed: int) -> str:
    return draw(seed=seed)
