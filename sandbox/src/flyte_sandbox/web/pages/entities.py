"""Pages of projects, of what is registered in them, and of one version of it."""

from __future__ import annotations

from typing import Any

from flyteidl.core import identifier_pb2, interface_pb2, workflow_pb2

from flyte_sandbox.clock import Clock
from flyte_sandbox.errors import NotFound
from flyte_sandbox.web.pages import addresses, values
from flyte_sandbox.web.pages.api import Api, Place, or_none
from flyte_sandbox.web.pages.names import is_drawn
from flyte_sandbox.web.pages.words import launch_plan_state, moment, span_seconds, type_text, workflow_phase

_EXECUTIONS = 25
_NAMES = 100
_VERSIONS = 25

_RESOURCES = {
    "task": identifier_pb2.TASK,
    "workflow": identifier_pb2.WORKFLOW,
    "launch_plan": identifier_pb2.LAUNCH_PLAN,
}
_FILTERS = {"task": "task", "workflow": "workflow", "launch_plan": "launch_plan"}


class Entities:
    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def projects_page(self) -> dict[str, Any]:
        return {"projects": await self._api.projects()}

    async def project_page(self, place: Place, token: str) -> dict[str, Any]:
        """:param token: where the list of executions goes on.

        :raises NotFound: for a project or a domain that is not registered.
        """
        project = next((p for p in await self._api.projects() if p.id == place.project), None)
        if project is None or place.domain not in [domain.id for domain in project.domains]:
            raise NotFound(f"there is no project [{place.project}] with a domain [{place.domain}]")
        return {
            "project": project,
            "runs": await self._runs(place, token=token),
            "lists": [await self._names(kind, place) for kind in ("workflow", "launch_plan", "task")],
        }

    async def names_page(self, kind: str, place: Place, token: str) -> dict[str, Any]:
        return {"list": await self._names(kind, place, token)}

    async def entity_page(self, kind: str, place: Place, name: str, token: str) -> dict[str, Any]:
        """Versions and recent executions of one name.

        :raises NotFound: when nothing of this name is registered.
        """
        found = await self._api.versions(addresses.KINDS[kind], place, name, _VERSIONS, token)
        items = list(getattr(found, f"{kind}s"))
        if not items and not token:
            raise NotFound(f"no {_said(kind)} [{name}] is registered in [{place.project}/{place.domain}]")
        return {
            "kind": kind,
            "said": _said(kind),
            "name": name,
            "versions": [_version(kind, item) for item in items],
            "next": found.token,
            "runs": await self._runs(place, _filter(kind, name)),
        }

    async def version_page(self, kind: str, place: Place, name: str, version: str) -> dict[str, Any]:
        """:raises NotFound: when it is not registered."""
        id = identifier_pb2.Identifier(
            resource_type=_RESOURCES[kind],
            project=place.project,
            domain=place.domain,
            name=name,
            version=version,
        )
        details = {"task": self._task, "workflow": self._workflow, "launch_plan": self._launch_plan}
        runs = await self._runs(place, _filter(kind, name, version))
        return {"kind": kind, "said": _said(kind), "id": id, "runs": runs, **await details[kind](id)}

    async def _runs(self, place: Place, filters: str = "", token: str = "") -> dict[str, Any]:
        """Recent executions, newest first."""
        found = await self._api.executions(place, _EXECUTIONS, token, filters)
        return {"rows": [self._run(execution) for execution in found.executions], "next": found.token}

    def _run(self, execution: Any) -> dict[str, Any]:
        phase = workflow_phase(execution.closure.phase)
        return {
            "id": execution.id,
            "phase": phase,
            "workflow": execution.closure.workflow_id,
            "launch_plan": execution.spec.launch_plan,
            "created": moment(execution.closure, "created_at"),
            "seconds": span_seconds(execution.closure, phase.is_live, self._clock.now()),
        }

    async def _names(self, kind: str, place: Place, token: str = "") -> dict[str, Any]:
        found = await or_none(self._api.names(addresses.KINDS[kind], place, _NAMES, token))
        return {
            "kind": kind,
            "said": _said(kind),
            "ids": list(found.entities) if found else [],
            "next": found.token if found else "",
        }

    async def _task(self, id: identifier_pb2.Identifier) -> dict[str, Any]:
        task = await self._api.task(id)
        template = task.closure.compiled_task.template
        return {
            "interface": _interface(template.interface),
            "created": moment(task.closure, "created_at"),
            "facts": list(_task_facts(template)),
        }

    async def _workflow(self, id: identifier_pb2.Identifier) -> dict[str, Any]:
        workflow = await self._api.workflow(id)
        template = workflow.closure.compiled_workflow.primary.template
        return {
            "interface": _interface(template.interface),
            "created": moment(workflow.closure, "created_at"),
            "nodes": [_node(node) for node in template.nodes if is_drawn(node.id)],
            "facts": [],
        }

    async def _launch_plan(self, id: identifier_pb2.Identifier) -> dict[str, Any]:
        plan = await self._api.launch_plan(id)
        return {
            "interface": _launch_plan_interface(plan),
            "created": moment(plan.closure, "created_at"),
            "facts": [
                ("state", launch_plan_state(plan.closure.state)),
                ("schedule", _schedule(plan.spec.entity_metadata.schedule)),
            ],
            "fixed": values.from_map(plan.spec.fixed_inputs),
            "workflow": plan.spec.workflow_id,
        }


def _said(kind: str) -> str:
    return kind.replace("_", " ")


def _filter(kind: str, name: str, version: str = "") -> str:
    terms = [f"eq({_FILTERS[kind]}.name,{name})"]
    if version:
        terms.append(f"eq({_FILTERS[kind]}.version,{version})")
    return "+".join(terms)


def _version(kind: str, item: Any) -> dict[str, Any]:
    state = launch_plan_state(item.closure.state) if kind == "launch_plan" else ""
    return {"id": item.id, "created": moment(item.closure, "created_at"), "state": state}


def _interface(interface: interface_pb2.TypedInterface) -> dict[str, list[dict[str, Any]]]:
    return {
        side: [_variable(name, variables[name]) for name in sorted(variables)]
        for side, variables in (
            ("inputs", interface.inputs.variables),
            ("outputs", interface.outputs.variables),
        )
    }


def _launch_plan_interface(plan: Any) -> dict[str, list[dict[str, Any]]]:
    expected = plan.closure.expected_inputs.parameters
    outputs = plan.closure.expected_outputs.variables
    return {
        "inputs": [
            _variable(name, expected[name].var) | {"default": _default(expected[name])}
            for name in sorted(expected)
        ],
        "outputs": [_variable(name, outputs[name]) for name in sorted(outputs)],
    }


def _variable(name: str, variable: interface_pb2.Variable) -> dict[str, Any]:
    return {
        "name": name,
        "type": type_text(variable.type),
        "text": variable.description,
        "default": None,
    }


def _default(parameter: interface_pb2.Parameter) -> values.Value | None:
    return values.from_literal(parameter.default) if parameter.HasField("default") else None


def _task_facts(template: Any) -> Any:
    yield "type", template.type
    if template.HasField("container"):
        yield "image", template.container.image
        yield "arguments", " ".join(template.container.args)
    if template.metadata.retries.retries:
        yield "retries", str(template.metadata.retries.retries)
    if template.metadata.discoverable:
        yield "cache version", template.metadata.discovery_version


def _node(node: workflow_pb2.Node) -> dict[str, Any]:
    which = node.WhichOneof("target")
    kind, id = "", None
    if which == "task_node":
        kind, id = "task", node.task_node.reference_id
    elif which == "workflow_node" and node.workflow_node.HasField("launchplan_ref"):
        kind, id = "launch_plan", node.workflow_node.launchplan_ref
    elif which == "workflow_node":
        kind, id = "workflow", node.workflow_node.sub_workflow_ref
    upstream = [name for name in node.upstream_node_ids if is_drawn(name)]
    said = _said(kind or (which or "node").removesuffix("_node"))
    return {
        "id": node.id,
        "name": node.metadata.name,
        "kind": kind,
        "said": said,
        "target": id,
        "after": upstream,
    }


def _schedule(schedule: Any) -> str:
    if schedule.HasField("rate"):
        unit = schedule.DESCRIPTOR.file.enum_types_by_name["FixedRateUnit"].values_by_number[
            schedule.rate.unit
        ]
        return f"every {schedule.rate.value} {unit.name.lower()}(s)"
    return schedule.cron_schedule.schedule or schedule.cron_expression or "none"
