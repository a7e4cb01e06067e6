"""Workflows: compiled when registered, against tasks and launch plans that are registered already.

Source: flyteadmin pkg/manager/impl/workflow_manager.go.
"""

from __future__ import annotations

from typing import Any

from flyteidl.admin import common_pb2, description_entity_pb2, launch_plan_pb2, workflow_pb2
from flyteidl.core import compiler_pb2, identifier_pb2
from flyteidl.core import workflow_pb2 as core_workflow_pb2
from google.protobuf.message import Message
from sqlalchemy import Connection, Row

from flyte_sandbox.admin import registered
from flyte_sandbox.admin.projects import Projects
from flyte_sandbox.admin.tasks import Tasks
from flyte_sandbox.clock import Clock
from flyte_sandbox.compiler.digests import structural_digest
from flyte_sandbox.compiler.identifiers import identifier_key, validate_identifier
from flyte_sandbox.compiler.workflows import compile_workflow, references
from flyte_sandbox.db import description_entities, entities
from flyte_sandbox.db.database import Database
from flyte_sandbox.db.listing import WORKFLOWS
from flyte_sandbox.db.times import to_micros, to_timestamp
from flyte_sandbox.errors import InvalidArgument

_WORKFLOW = identifier_pb2.WORKFLOW


class Workflows:
    """:param max_nodes: how many nodes a workflow may have."""

    def __init__(self, db: Database, clock: Clock, projects: Projects, tasks: Tasks, max_nodes: int) -> None:
        self._db = db
        self._clock = clock
        self._projects = projects
        self._tasks = tasks
        self._max_nodes = max_nodes

    def create(self, request: workflow_pb2.WorkflowCreateRequest) -> workflow_pb2.WorkflowCreateResponse:
        validate_identifier(request.id, _WORKFLOW)
        self._projects.check_active(request.id.project, request.id.domain)
        if not request.HasField("spec"):
            raise InvalidArgument("missing spec")
        if not request.spec.HasField("template"):
            raise InvalidArgument("missing template")
        closure = self.compile(request.id, request.spec)
        self.store(request.id, closure, request.spec.description)
        return workflow_pb2.WorkflowCreateResponse()

    def compile(
        self, id: identifier_pb2.Identifier, spec: workflow_pb2.WorkflowSpec
    ) -> compiler_pb2.CompiledWorkflowClosure:
        """:raises NotFound: for a task or launch plan that is not registered.

        :raises InvalidArgument: with the compiler's errors.
        """
        template = core_workflow_pb2.WorkflowTemplate()
        template.CopyFrom(spec.template)
        template.id.CopyFrom(id)
        needed = references(spec)
        with self._db.read() as connection:
            # A reference whose resource type is another one is left to the compiler, which does not find it.
            tasks = {
                identifier_key(one): self._tasks.get_compiled(connection, one)
                for one in needed.tasks
                if one.resource_type == identifier_pb2.TASK
            }
            plans = {
                identifier_key(one): launch_plan_pb2.LaunchPlan.FromString(
                    registered.get_row(connection, one).message
                )
                for one in needed.launch_plans
                if one.resource_type == identifier_pb2.LAUNCH_PLAN
            }
        return compile_workflow(template, spec.sub_workflows, tasks, plans, max_nodes=self._max_nodes)

    def store(
        self,
        id: identifier_pb2.Identifier,
        closure: compiler_pb2.CompiledWorkflowClosure,
        description: description_entity_pb2.DescriptionEntity | None = None,
        is_generated: bool = False,
    ) -> None:
        """:param is_generated: made for the execution of a single task, and hidden from lists of names.

        :raises AlreadyExists, InvalidArgument: see :func:`registered.insert_once`.
        """
        digest = structural_digest(closure)
        description = description or description_entity_pb2.DescriptionEntity()
        short_description = description.short_description

        def insert(connection: Connection) -> None:
            now = self._clock.now()
            stored = workflow_pb2.WorkflowClosure(compiled_workflow=closure, created_at=to_timestamp(now))
            workflow = workflow_pb2.Workflow(id=id, closure=stored, short_description=short_description)
            entities.insert_row(
                connection,
                id,
                digest=digest,
                short_description=short_description,
                created_at=to_micros(now),
                updated_at=to_micros(now),
                summary=_summarise(workflow).SerializeToString(),
                message=workflow.SerializeToString(),
            )
            if description.ByteSize():
                description_entities.insert_row(connection, id, description, to_micros(now))
            if is_generated:
                registered.mark_generated(connection, id, to_micros(now))

        def describe_old(row: Row[Any]) -> tuple[Message, Message]:
            return to_message(row).closure.compiled_workflow, closure

        registered.insert_once(
            self._db, id, digest, insert, describe_old, lambda identical: (_failure_reason(id, identical),)
        )

    def get(self, request: common_pb2.ObjectGetRequest) -> workflow_pb2.Workflow:
        id = registered.read_id(request, _WORKFLOW)
        with self._db.read() as connection:
            return to_message(registered.get_row(connection, id))

    def list(self, request: common_pb2.ResourceListRequest) -> workflow_pb2.WorkflowList:
        """Each item has only the interface; ask for one to see its nodes."""
        workflows, token = registered.list_rows(
            self._db,
            WORKFLOWS,
            request,
            "ListWorkflows",
            lambda row: workflow_pb2.Workflow.FromString(row.summary),
        )
        return workflow_pb2.WorkflowList(workflows=workflows, token=token)

    def list_ids(
        self, request: common_pb2.NamedEntityIdentifierListRequest
    ) -> common_pb2.NamedEntityIdentifierList:
        return registered.list_ids(self._db, WORKFLOWS, request, "ListWorkflowIds")


def to_message(row: Row[Any]) -> workflow_pb2.Workflow:
    return workflow_pb2.Workflow.FromString(row.message)


def _summarise(workflow: workflow_pb2.Workflow) -> workflow_pb2.Workflow:
    summary = workflow_pb2.Workflow(id=workflow.id, short_description=workflow.short_description)
    summary.closure.created_at.CopyFrom(workflow.closure.created_at)
    interface = workflow.closure.compiled_workflow.primary.template.interface
    summary.closure.compiled_workflow.primary.template.interface.CopyFrom(interface)
    return summary


def _failure_reason(
    id: identifier_pb2.Identifier, identical: bool
) -> workflow_pb2.CreateWorkflowFailureReason:
    if identical:
        exists = workflow_pb2.WorkflowErrorExistsIdenticalStructure(id=id)
        return workflow_pb2.CreateWorkflowFailureReason(exists_identical_structure=exists)
    differs = workflow_pb2.WorkflowErrorExistsDifferentStructure(id=id)
    return workflow_pb2.CreateWorkflowFailureReason(exists_different_structure=differs)
