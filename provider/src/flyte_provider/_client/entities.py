"""Finding what is to be launched: its version, its interface, and a better idea when there is no
such thing.
"""

from __future__ import annotations

from dataclasses import dataclass

from flyteidl.admin import launch_plan_pb2, task_pb2
from flyteidl.core import identifier_pb2

from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.codec import InputInterface
from flyte_provider._client.codec.structs import did_you_mean
from flyte_provider._launch.target import LATEST, Target
from flyte_provider.exceptions import FlyteEntityNotFoundError, FlyteServerError

# Enough for a useful guess; a project with more names still gets a clear message.
_NAMES_TO_COMPARE = 1000


@dataclass(frozen=True)
class Entity:
    """A launchable entity of one version, with what it takes."""

    id: identifier_pb2.Identifier
    interface: InputInterface


def find_entity(client: FlyteClient, target: Target, project: str, domain: str) -> Entity:
    """Return the entity that ``target`` means; one RPC where it exists.

    :raises FlyteEntityNotFoundError: naming what is close, where something is
    """
    if target.kind == "task":
        task = _find_task(client, target, project, domain)
        if task is not None:
            return _entity_of_task(task, target)
    else:
        launch_plan = _find_launch_plan(client, target, project, domain)
        if launch_plan is not None:
            return _entity_of_launch_plan(launch_plan, target)
    raise _not_found(client, target, project, domain)


def _find_launch_plan(
    client: FlyteClient, target: Target, project: str, domain: str
) -> launch_plan_pb2.LaunchPlan | None:
    try:
        if target.version == LATEST:
            return client.newest_launch_plan(project, domain, target.name)
        if target.version:
            kind = identifier_pb2.LAUNCH_PLAN
            return client.get_launch_plan(_identifier(kind, project, domain, target))
        return client.get_active_launch_plan(project, domain, target.name)
    except FlyteEntityNotFoundError:
        return None if target.version else client.newest_launch_plan(project, domain, target.name)


def _find_task(client: FlyteClient, target: Target, project: str, domain: str) -> task_pb2.Task | None:
    if target.version is None or target.version == LATEST:
        return client.newest_task(project, domain, target.name)
    try:
        return client.get_task(_identifier(identifier_pb2.TASK, project, domain, target))
    except FlyteEntityNotFoundError:
        return None


def _identifier(kind: int, project: str, domain: str, target: Target) -> identifier_pb2.Identifier:
    return identifier_pb2.Identifier(
        resource_type=kind, project=project, domain=domain, name=target.name, version=target.version
    )


def _entity_of_launch_plan(launch_plan: launch_plan_pb2.LaunchPlan, target: Target) -> Entity:
    parameters = launch_plan.closure.expected_inputs.parameters
    interface = InputInterface(
        entity=str(target),
        types={name: parameter.var.type for name, parameter in parameters.items()},
        required=frozenset(name for name, parameter in parameters.items() if parameter.required),
        fixed=frozenset(launch_plan.spec.fixed_inputs.literals),
    )
    entity_id = identifier_pb2.Identifier()
    entity_id.CopyFrom(launch_plan.id)
    entity_id.resource_type = identifier_pb2.LAUNCH_PLAN
    return Entity(entity_id, interface)


def _entity_of_task(task: task_pb2.Task, target: Target) -> Entity:
    variables = task.closure.compiled_task.template.interface.inputs.variables
    # A task has no defaults of its own: flytekit keeps them in the code.
    types = {name: variable.type for name, variable in variables.items()}
    entity_id = identifier_pb2.Identifier()
    entity_id.CopyFrom(task.id)
    entity_id.resource_type = identifier_pb2.TASK
    return Entity(entity_id, InputInterface(str(target), types, required=frozenset(types)))


def _not_found(client: FlyteClient, target: Target, project: str, domain: str) -> FlyteEntityNotFoundError:
    version = f" version {target.version!r}" if target.version and target.version != LATEST else ""
    return FlyteEntityNotFoundError(
        f"{target}{version} not found in {project}/{domain} at {client.connection.endpoint}"
        + _suggest(client, target, project, domain),
        code="NOT_FOUND",
    )


def _suggest(client: FlyteClient, target: Target, project: str, domain: str) -> str:
    """Return a guess at what was meant; without an answer from the server, none."""
    list_names = client.list_task_names if target.kind == "task" else client.list_launch_plan_names
    try:
        names = list_names(project, domain, _NAMES_TO_COMPARE)
    except FlyteServerError:
        return ""
    # flyteadmin keeps generated entities for single-task executions under this prefix.
    names = [name for name in names if not name.startswith(".flytegen.")]
    if target.name in names:
        return "; other versions exist"
    kind = "task" if target.kind == "task" else "launch plan"
    return did_you_mean(target.name, names) or ("" if names else f"; no {kind} is registered there")
