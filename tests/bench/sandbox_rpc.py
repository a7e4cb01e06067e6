"""How fast the server reads: single executions by many callers, and pages out of very many executions."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping

import grpc
from flyteidl.admin import common_pb2, execution_pb2
from flyteidl.service.admin_pb2_grpc import AdminServiceStub

from . import many_executions, measured_files
from .figures import Measurement, MeasurementError, percentile, spread
from .flyte_client import run, text
from .server import DOMAIN, PROJECT, Server
from .workshop import Workshop

_IN_FLIGHT = 8
_WARM_UP_SECONDS = 1.0
_GET_SECONDS = 3.0
_GET_ROUNDS = 3
_NO_LONGER_NEW_SECONDS = 1.1
"""The first look at a younger execution may wait in the server."""

_LIST_ROUNDS = 20


def get(workshop: Workshop) -> Measurement:
    """GetExecution a second, from one client process with eight calls in flight."""
    with workshop.server() as server:
        measured_files.register_two_tasks(workshop, server)
        id, _ = run(server, measured_files.TWO_TASKS, {"name": text("world")})
        time.sleep(_NO_LONGER_NEW_SECONDS)
        request = execution_pb2.WorkflowExecutionGetRequest(id=id)
        asyncio.run(_call_for(server.port, request, _WARM_UP_SECONDS))
        rates = [asyncio.run(_call_for(server.port, request, _GET_SECONDS)) for _ in range(_GET_ROUNDS)]
    workshop.say(f"calls a second: {spread(rates)}")
    return Measurement(statistics.median(rates))


async def _call_for(port: int, request: execution_pb2.WorkflowExecutionGetRequest, seconds: float) -> float:
    """:return: calls a second."""
    count = 0
    async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
        stub = AdminServiceStub(channel)
        await stub.GetExecution(request)
        started = time.perf_counter()

        async def call() -> None:
            nonlocal count
            while time.perf_counter() - started < seconds:
                await stub.GetExecution(request)
                count += 1

        await asyncio.gather(*(call() for _ in range(_IN_FLIGHT)))
        return count / (time.perf_counter() - started)


def list_(workshop: Workshop) -> Measurement:
    """ListExecutions with 100,000 executions in one project and domain, p95 over what clients ask for."""
    with workshop.server(workshop.shared(many_executions.fill), warm=False) as server:
        requests = _requests(server)
        samples = {form: _time_each(server, request) for form, request in requests.items()}
    for form, milliseconds in samples.items():
        workshop.say(f"{form}: {spread(milliseconds)} ms")
    return Measurement(percentile([each for form in samples.values() for each in form], 95))


def _requests(server: Server) -> Mapping[str, common_pb2.ResourceListRequest]:
    """The forms that the console, flytekit and flytectl send most."""
    newest = _request()
    second = _request(token=server.admin.ListExecutions(newest).token)
    return {
        "newest 100": newest,
        "second page": second,
        "newest 100 that failed": _request(filters="value_in(phase,FAILED)"),
        "newest 10 of a workflow": _request(limit=10, filters=_of_workflow(measured_files.TWO_TASKS)),
        "newest 10 of a rare workflow": _request(limit=10, filters=_of_workflow(measured_files.SELDOM)),
        "newest 100 of a launch plan": _request(filters=f"eq(launch_plan.name,{measured_files.TWO_TASKS})"),
        "100 without an order": _request(is_sorted=False),
    }


def _of_workflow(name: str) -> str:
    return f"eq(workflow.name,{name})+eq(workflow.project,{PROJECT})+eq(workflow.domain,{DOMAIN})"


def _request(
    limit: int = 100, filters: str = "", token: str = "", is_sorted: bool = True
) -> common_pb2.ResourceListRequest:
    request = common_pb2.ResourceListRequest(
        id=common_pb2.NamedEntityIdentifier(project=PROJECT, domain=DOMAIN),
        limit=limit,
        filters=filters,
        token=token,
    )
    if is_sorted:
        request.sort_by.key = "created_at"
        request.sort_by.direction = common_pb2.Sort.DESCENDING
    return request


def _time_each(server: Server, request: common_pb2.ResourceListRequest) -> list[float]:
    """:return: milliseconds of each call."""
    found = []
    for _ in range(_LIST_ROUNDS):
        started = time.perf_counter()
        answer = server.admin.ListExecutions(request)
        found.append((time.perf_counter() - started) * 1000)
        if len(answer.executions) != request.limit:
            raise MeasurementError(f"{len(answer.executions)} executions came; expected {request.limit}.")
    return found
