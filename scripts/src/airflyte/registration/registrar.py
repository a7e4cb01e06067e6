"""Talks to Flyte through flytekit's client: uploads, creates, activates. Every step may be repeated.

Order matters: what others need comes first, and launch plans are activated last, so that an active launch
plan means a complete version (``presence`` relies on it).
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airflyte.errors import AirflyteError
from airflyte.registration.endpoint import Endpoint
from airflyte.registration.plan import Entity, Plan
from airflyte.registration.presence import list_active_versions, unreachable
from airflyte.registration.report import Report

CALLS_AT_ONCE = 8
"""Tasks are created side by side: on a cluster far away each call waits for the network."""


class Registrar:
    """A connection to one Flyte, for one project and domain.

    :raises AirflyteError: from every method, in one sentence, when Flyte refuses or does not answer.
    """

    def __init__(self, endpoint: Endpoint, project: str, domain: str) -> None:
        from flytekit.remote import FlyteRemote

        self.endpoint = endpoint
        self.project = project
        self.domain = domain
        self._remote = FlyteRemote(endpoint.read_config(), default_project=project, default_domain=domain)

    def list_active_versions(self) -> dict[str, str]:
        """The active version of every launch plan that has one."""
        from flytekit.clients.raw import RawSynchronousFlyteClient

        client = self._remote.client
        call = functools.partial(RawSynchronousFlyteClient.list_active_launch_plans_paginated, client)
        with self._explaining("list launch plans"):
            return list_active_versions(call, self.project, self.domain)

    def upload(self, file: Path) -> str:
        """Upload a file to an address made from its content; a repeat gives the same address.

        flytekit opens what it uploads for writing, so it gets a copy: a checkout may be read-only.
        """
        with self._explaining(f"take {file.name}"), tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copyfile(file, Path(folder, file.name)))
            _, uri = self._remote.upload_file(copy)
        return str(uri)

    def register(self, plan: Plan, specs: Mapping[Entity, Any], report: Report) -> None:
        """Create what is not there, then make this version the active one of its launch plans."""
        tasks = [entity for entity in plan.entities if entity.kind == "task"]
        others = [entity for entity in plan.entities if entity.kind != "task"]
        with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
            created = dict(
                zip(tasks, pool.map(lambda task: self._create(task, specs[task]), tasks), strict=True)
            )
        for entity in tasks:
            report.entity(entity, is_created=created[entity])
        for entity in others:
            created[entity] = self._create(entity, specs[entity])
            if entity.kind == "workflow":
                report.entity(entity, is_created=created[entity])
        self._activate(plan, specs, created, report)

    def _activate(
        self, plan: Plan, specs: Mapping[Entity, Any], created: Mapping[Entity, bool], report: Report
    ) -> None:
        active = self.list_active_versions()
        for entity in plan.entities:
            if entity.kind != "launch_plan":
                continue
            needs_activation = active.get(entity.name) != plan.version
            if needs_activation:
                with self._explaining(f"activate launch plan {entity.name}"):
                    self._remote.activate_launchplan(specs[entity].id)
            report.entity(entity, is_created=created[entity], is_activated=needs_activation)

    def _create(self, entity: Entity, spec: Any) -> bool:
        """Create one entity.

        :return: False when the same one exists already.
        """
        from flytekit.exceptions.user import FlyteEntityAlreadyExistsException

        client = self._remote.client
        with self._explaining(f"register {entity.kind.replace('_', ' ')} {entity.name}"):
            try:
                if entity.kind == "task":
                    client.create_task(spec.template.id, spec)
                elif entity.kind == "workflow":
                    _create_workflow(client, spec)
                else:
                    client.create_launch_plan(spec.id, spec.spec)
            except FlyteEntityAlreadyExistsException:
                return False
        return True

    @contextlib.contextmanager
    def _explaining(self, what: str) -> Iterator[None]:
        """Turn what goes wrong in the block into one sentence.

        :param what: what Flyte was asked for, after "would not".
        """
        import requests
        from flytekit.exceptions.base import FlyteException

        try:
            yield
        except (FlyteException, RuntimeError, requests.RequestException) as error:
            raise self._explain(what, error) from error

    def _explain(self, what: str, error: BaseException) -> AirflyteError:
        call = _find_rpc_error(error)
        if call is None:
            return AirflyteError(f"Flyte at {self.endpoint} would not {what}: {_one_line(error)}")
        if call.code().name in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            return unreachable(self.endpoint, call)
        details = _one_line(call.details())
        hint = ""
        if "with different structure already exists" in details:
            hint = " Something outside the version has changed; give a version of your own (--version)."
        return AirflyteError(f"Flyte at {self.endpoint} would not {what}: {details}{hint}")


def _one_line(message: object) -> str:
    """Flyte's compiler and some storage answer with several lines."""
    return " ".join(str(message).split())


def _create_workflow(client: Any, spec: Any) -> None:
    """Create a workflow from a spec that is the same in every process.

    flytekit takes the upstream nodes of a node from a set, so their order follows Python's hash seed, and a
    repeat would look like another workflow.
    """
    from flyteidl.admin.workflow_pb2 import WorkflowCreateRequest
    from flytekit.clients.raw import RawSynchronousFlyteClient

    message = spec.to_flyte_idl()
    _sort_upstream_nodes(message)
    request = WorkflowCreateRequest(id=spec.template.id.to_flyte_idl(), spec=message)
    RawSynchronousFlyteClient.create_workflow(client, request)


def _sort_upstream_nodes(message: Any) -> None:
    """Sort ``upstream_node_ids``, where order means nothing, in a protobuf message and all below it."""
    for field, value in message.ListFields():
        if field.name == "upstream_node_ids":
            value.sort()
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else [value]:
                _sort_upstream_nodes(part)


def _find_rpc_error(error: BaseException | None) -> Any:
    """The gRPC error that flytekit has wrapped, or None."""
    import grpc

    while error is not None and not (isinstance(error, grpc.RpcError) and hasattr(error, "details")):
        error = error.__cause__
    return error
