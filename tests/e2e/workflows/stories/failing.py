"""A workflow that fails for a reason that its user would like to read."""

from flytekit import task, workflow


@task
def check_rows(rows: int) -> int:
    """Refuse a table without rows."""
    if rows == 0:
        raise ValueError("the table has no rows; was the export empty last night?")
    return rows


@workflow
def failing_wf(rows: int = 0) -> int:
    """Fail, unless there are rows."""
    return check_rows(rows=rows)
