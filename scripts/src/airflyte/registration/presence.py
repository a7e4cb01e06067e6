"""Whether a version is registered already, asked of the server.

Launch plans are activated last, when everything else of their version is there. So a version is complete when
all its launch plans are active, and one listing tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflyte.errors import AirflyteError
from airflyte.registration.endpoint import Endpoint
from airflyte.registration.plan import Plan

PAGE = 100
TIMEOUT_SECONDS = 15.0

ListActive = Callable[[Any], Any]
"""``ListActiveLaunchPlans``: takes an ``ActiveLaunchPlanListRequest``, gives a ``LaunchPlanList``."""


def is_registered(plan: Plan, endpoint: Endpoint, project: str, domain: str) -> bool:
    """Whether this version is the active one of all its launch plans, without importing flytekit.

    Only for an endpoint without login; one that asks for one all the same is answered with False, and the
    caller goes on with flytekit's client, which knows how to log in.

    :raises AirflyteError: when no Flyte answers.
    """
    import grpc
    from flyteidl.service.admin_pb2_grpc import AdminServiceStub

    with grpc.insecure_channel(endpoint.address) as channel:
        stub = AdminServiceStub(channel)
        try:
            active = list_active_versions(
                lambda request: stub.ListActiveLaunchPlans(request, timeout=TIMEOUT_SECONDS), project, domain
            )
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
                return False
            raise unreachable(endpoint, error) from error
    return is_active(plan, active)


def is_active(plan: Plan, active: dict[str, str]) -> bool:
    """Whether the active version of all the plan's launch plans is the plan's; False when it has none."""
    names = plan.launch_plans
    return bool(names) and all(active.get(name) == plan.version for name in names)


def list_active_versions(list_active: ListActive, project: str, domain: str) -> dict[str, str]:
    """The active version of every launch plan that has one, by the launch plan's name."""
    from flyteidl.admin.launch_plan_pb2 import ActiveLaunchPlanListRequest

    versions: dict[str, str] = {}
    token = ""
    while True:
        request = ActiveLaunchPlanListRequest(project=project, domain=domain, limit=PAGE, token=token)
        page = list_active(request)
        versions.update((launch_plan.id.name, launch_plan.id.version) for launch_plan in page.launch_plans)
        token = page.token
        if not token:
            return versions


def unreachable(endpoint: Endpoint, error: Any) -> AirflyteError:
    """An error of the connection in one sentence.

    :param error: a ``grpc.RpcError`` of a call.
    """
    code = error.code().name
    if code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
        return AirflyteError(
            f"No Flyte answers at {endpoint} ({error.details()}).",
            cause="the stack is not up, or has another port offset",
            command="make status",
        )
    return AirflyteError(f"Flyte at {endpoint} answered {code}: {error.details()}")
