"""Schedules over kill -9 of the server: every time is launched once."""

from __future__ import annotations

from datetime import datetime, timedelta

import grpc
import pytest
from flyteidl.admin import common_pb2, launch_plan_pb2
from flyteidl.service import admin_pb2_grpc

from flyte_sandbox.testing.control import skip

from ..scheduler.plans import cron, requests
from ..waiting import eventually
from .server import Server

HOUR = timedelta(hours=1)


class Plans:
    """What a client sees of one server after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def call(self, name: str, request: object) -> object:
        with grpc.insecure_channel(f"localhost:{self._server.port}") as channel:
            return getattr(admin_pb2_grpc.AdminServiceStub(channel), name)(request)

    def activate(self, name: str, expression: str) -> None:
        task, workflow, plan = requests("flytesnacks", name, cron(expression))
        self.call("CreateTask", task)
        self.call("CreateWorkflow", workflow)
        self.call("CreateLaunchPlan", plan)
        active = launch_plan_pb2.LaunchPlanUpdateRequest(id=plan.id, state=launch_plan_pb2.ACTIVE)
        self.call("UpdateLaunchPlan", active)

    def times(self) -> list[datetime]:
        id = common_pb2.NamedEntityIdentifier(project="flytesnacks", domain="development")
        request = common_pb2.ResourceListRequest(id=id, limit=1000)
        found = self.call("ListExecutions", request).executions
        return [one.spec.metadata.scheduled_at.ToDatetime() for one in found]


@pytest.fixture
def options() -> list[str]:
    return ["--skippable-clock", "--cold"]


def test_every_time_is_launched_once_however_often_the_server_is_killed(server: Server) -> None:
    plans = Plans(server)
    plans.activate("hourly", "0 * * * *")
    skip(server.state, HOUR)
    (first,) = eventually(plans.times)
    hours = 1
    for span in (30, 50, 1, 20):
        # Killed somewhere in the middle of catching up.
        skip(server.state, span * HOUR)
        server.kill()
        hours += span
        server.start()
    eventually(lambda: len(plans.times()) >= hours)
    skip(server.state, HOUR)
    eventually(lambda: len(plans.times()) > hours)
    assert plans.times() == [first + n * HOUR for n in range(hours + 1)]
