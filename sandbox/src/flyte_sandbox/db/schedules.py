"""Rows of active launch plans that have a schedule: up to which time each has been launched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from flyte_sandbox.db.schema import launch_plans, schedules


def begin(connection: Connection, launch_plan_id: int, now: int) -> None:
    """Times after ``now`` count. One that is there already goes on as it was."""
    known = select(schedules.c.launch_plan_id).where(schedules.c.launch_plan_id == launch_plan_id)
    if connection.execute(known).first() is None:
        connection.execute(insert(schedules).values(launch_plan_id=launch_plan_id, done_until=now))


def end(connection: Connection, launch_plan_id: int) -> None:
    """Nothing happens when there is none."""
    connection.execute(delete(schedules).where(schedules.c.launch_plan_id == launch_plan_id))


def advance(connection: Connection, launch_plan_id: int, moment: int) -> None:
    """Never back: it may have been made active anew meanwhile."""
    table = schedules.c
    query = update(schedules).where(table.launch_plan_id == launch_plan_id, table.done_until < moment)
    connection.execute(query.values(done_until=moment))


def list_active(connection: Connection) -> Sequence[Row[Any]]:
    """:return: rows of launch plans with ``done_until``, in the order in which they were registered."""
    query = select(launch_plans, schedules.c.done_until).join(
        schedules, schedules.c.launch_plan_id == launch_plans.c.id
    )
    return connection.execute(query.order_by(launch_plans.c.id)).all()
