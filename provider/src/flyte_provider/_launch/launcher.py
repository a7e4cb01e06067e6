"""The launch itself: find what an earlier try began, else create under this try's name, exactly once.

Rules (t is the try, epoch the tries before the last clear):

- A retry (t > epoch + 1) looks for its predecessors' executions, newest first. One that may still succeed is
  attached to, one that has succeeded is the result; after a failed one a new one is created, or it is
  recovered.
- The first try after a clear settles with the execution from before it, as ``on_clear`` says.
- "Exists already" is never taken for success: the execution that exists is read, and is ours only when its
  annotations say so. When it does not exist after all, the launch plan's concurrency limit was meant
  (flyteadmin answers ALREADY_EXISTS to both; source: pkg/manager/impl/execution_manager.go).
- An execution of our name that names another Dag run in its annotations, or is older than ours, belongs to an
  earlier run of the same id: the name is made again with the run's start in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2

from flyte_provider import _airflow_private
from flyte_provider._client import phases
from flyte_provider._client.admin import FlyteClient
from flyte_provider._client.codec import Upload, encode_inputs
from flyte_provider._client.entities import Entity, find_entity
from flyte_provider._client.requests import build_create_request
from flyte_provider._launch import identity as ids
from flyte_provider._launch.identity import Coordinates
from flyte_provider._launch.target import LaunchOptions, Target
from flyte_provider._waiting import TaskLog
from flyte_provider.exceptions import (
    FlyteConcurrencyLimitError,
    FlyteEntityNotFoundError,
    FlyteExecutionConflictError,
    FlyteServerError,
)

# Retries beyond this many are not looked through one by one.
_MOST_PREDECESSORS = 20
_NOT_RECOVERABLE = {"NOT_FOUND", "UNIMPLEMENTED", "FAILED_PRECONDITION", "INVALID_ARGUMENT"}


@dataclass(frozen=True)
class LaunchRequest:
    """What to launch for whom.

    :param explicit_name: the execution's name, where the user gives it
    :param is_durable: whether a retry looks for its predecessors
    :param retry_strategy: ``attach`` or ``recover``: what follows a predecessor that failed
    :param on_clear: ``terminate``, ``attach`` or ``ignore``: what becomes of an execution from before a clear
    :param takes_existing: whether an explicit name may be somebody else's execution
    :param remembered_name: the name that an earlier try stored in Airflow, empty when none did
    :param upload: stores dataframes among the inputs; None refuses them
    """

    project: str
    domain: str
    target: Target
    inputs: Mapping[str, Any]
    coordinates: Coordinates
    options: LaunchOptions = field(default_factory=LaunchOptions)
    explicit_name: str = ""
    is_durable: bool = True
    retry_strategy: str = "attach"
    on_clear: str = "terminate"
    takes_existing: bool = False
    remembered_name: str = ""
    upload: Upload | None = None


@dataclass(frozen=True)
class Launched:
    """The execution that stands for this try.

    :param how: ``created``, ``recovered``, ``attached`` or ``already succeeded``
    :param execution: as last seen; None right after its creation
    """

    id: identifier_pb2.WorkflowExecutionIdentifier
    how: str
    execution: execution_pb2.Execution | None = None


class Launcher:
    """Launches one request.

    :param client: to Flyte
    :param log: the task's log
    """

    def __init__(self, client: FlyteClient, request: LaunchRequest, log: TaskLog) -> None:
        self._client = client
        self._request = request
        self._log = log
        target, coordinates = request.target, request.coordinates
        wanted = [target.kind, request.project, request.domain, target.name, target.version or ""]
        #: The name last asked for: what a kill in the middle of a launch has to terminate.
        self.name = ""
        self._identity = ids.identity(coordinates, ":".join(wanted), request.inputs)

    def launch(self) -> Launched:
        """Attach to what is there, or check the inputs and create.

        :raises FlyteInputError: before anything exists
        :raises FlyteEntityNotFoundError: before anything exists
        :raises FlyteExecutionConflictError: when the name is somebody else's
        :raises FlyteConcurrencyLimitError: when the launch plan's limit is reached
        """
        launched = self._launch()
        is_new = launched.how in ("created", "recovered")
        _airflow_private.count("flyte.launches" if is_new else "flyte.reattaches", how=launched.how)
        return launched

    def _launch(self) -> Launched:
        previous = self._find_previous()
        if previous is None:
            return self._create()
        return self._attach(previous) or self._recover(previous) or self._create()

    # -- what earlier tries left -----------------------------------------------------------------------------

    def _find_previous(self) -> execution_pb2.Execution | None:
        """Return the newest execution that an earlier try of this epoch left, or a clear left to
        attach to.
        """
        coordinates = self._request.coordinates
        if not self._request.is_durable or coordinates.try_number == 1:
            return None
        if coordinates.is_first_try:
            return self._settle_after_clear()
        return self._find_predecessor(oldest=coordinates.epoch + 1)

    def _find_predecessor(self, oldest: int) -> execution_pb2.Execution | None:
        for name in self._predecessor_names(oldest):
            execution = self._get(name)
            if execution is not None and self._is_of_this_run(execution):
                return execution
        return None

    def _predecessor_names(self, oldest: int) -> list[str]:
        """Return the names to ask for, the likeliest first.

        :param oldest: number of the try to look back to
        """
        if self._request.explicit_name:
            return [self._request.explicit_name]
        coordinates = self._request.coordinates
        salt = ids.salt_of_run(coordinates)
        names = []
        newest = coordinates.try_number - 1
        for try_number in range(newest, max(oldest, newest - _MOST_PREDECESSORS + 1) - 1, -1):
            names.append(ids.execution_name(coordinates, try_number))
            if salt:
                names.append(ids.execution_name(coordinates, try_number, salt))
        if self._request.remembered_name:
            names.append(self._request.remembered_name)
        return list(dict.fromkeys(names))

    def _is_of_this_run(self, execution: execution_pb2.Execution) -> bool:
        """Whether an earlier try of this very Dag run made it.

        A clear moves the run's start, so an execution of an earlier clear number may be older than it.
        """
        values = execution.spec.annotations.values
        if not ids.belongs_to_task(values, self._request.coordinates) or self._is_of_another_run(execution):
            return False
        cleared_since = values.get(ids.CLEAR_NUMBER) != str(self._request.coordinates.clear_number)
        return cleared_since or not self._is_older_than_run(execution)

    def _is_of_another_run(self, execution: execution_pb2.Execution) -> bool:
        return ids.is_of_another_run(execution.spec.annotations.values, self._request.coordinates)

    def _is_older_than_run(self, execution: execution_pb2.Execution) -> bool:
        started_at = self._request.coordinates.run_started_at
        if started_at is None:
            return False
        created_at: datetime = execution.closure.created_at.ToDatetime(tzinfo=timezone.utc)
        return created_at < started_at - ids.CLOCK_DIFFERENCE

    def _settle_after_clear(self) -> execution_pb2.Execution | None:
        """Deal with the execution from before the clear; return it where this try is to go on with it.

        Where the clear did not move the Dag run's clear number, nothing tells it from a retry, and it counts
        as one.
        """
        coordinates = self._request.coordinates
        execution = self._find_predecessor(oldest=coordinates.epoch)
        if execution is None:
            return None
        clear_number = execution.spec.annotations.values.get(ids.CLEAR_NUMBER)
        if clear_number == str(coordinates.clear_number) or self._request.on_clear == "attach":
            return execution
        if self._request.on_clear == "terminate" and phases.is_active(execution):
            self._terminate(execution.id, f"Airflow: task {coordinates} was cleared")
        return None

    def _attach(self, execution: execution_pb2.Execution) -> Launched | None:
        """Go on with an execution that may still succeed or has; None when it is of no use."""
        name = execution.id.name
        is_same = execution.spec.annotations.values.get(ids.IDENTITY) == self._identity
        if phases.is_active(execution):
            if not is_same:
                self._log.warning(
                    "Execution %s was launched with other inputs than this task has now; "
                    "clear the task to start over",
                    name,
                )
            self._log.info("Attaching to execution %s of an earlier try", name)
            return Launched(execution.id, "attached", execution)
        if execution.closure.phase == phases.SUCCEEDED and is_same:
            self._log.info("Execution %s of an earlier try has succeeded", name)
            return Launched(execution.id, "already succeeded", execution)
        phase = phases.phase_name(execution.closure.phase)
        self._log.info("Execution %s of an earlier try is %s, launching anew", name, phase)
        return None

    def _recover(self, execution: execution_pb2.Execution) -> Launched | None:
        """Start a new execution that reuses what succeeded in a failed one; None where that is not to be."""
        if self._request.retry_strategy != "recover" or self._request.explicit_name:
            return None
        name = self.name = ids.execution_name(self._request.coordinates, self._request.coordinates.try_number)
        try:
            recovered = self._client.recover_execution(execution.id, name)
        except FlyteServerError as exc:
            if exc.code == "ALREADY_EXISTS":
                return self._take_existing(name)
            if exc.code not in _NOT_RECOVERABLE:
                raise
            self._log.warning("Cannot recover execution %s, launching anew: %s", execution.id.name, exc)
            return None
        self._log.info("Execution %s recovers %s", recovered.name, execution.id.name)
        return Launched(recovered, "recovered")

    # -- creating --------------------------------------------------------------------------------------------

    def _create(self) -> Launched:
        request = self._request
        entity = find_entity(self._client, request.target, request.project, request.domain)
        inputs = encode_inputs(request.inputs, entity.interface, request.upload)
        name = request.explicit_name or ids.execution_name(
            request.coordinates, request.coordinates.try_number
        )
        while True:
            self.name = name
            create = build_create_request(self._id(name), entity.id, inputs, self._annotated_options())
            try:
                created = self._client.create_execution(create)
            except FlyteServerError as exc:
                if exc.code != "ALREADY_EXISTS":
                    raise
                self._log.info("Execution %s exists already, looking whose it is", name)
            else:
                self._log_created(created, entity)
                return Launched(created, "created")
            salted = self._name_beside_older(name)
            if salted is None:
                return self._take_existing(name)
            name = salted

    def _log_created(self, created: identifier_pb2.WorkflowExecutionIdentifier, entity: Entity) -> None:
        version = entity.id.version
        self._log.info("Execution %s submitted: %s, version %s", created.name, self._request.target, version)

    def _annotated_options(self) -> LaunchOptions:
        options, coordinates = self._request.options, self._request.coordinates
        return replace(
            options,
            labels=ids.make_labels(coordinates, options.labels or {}),
            annotations={
                **(options.annotations or {}),
                **ids.make_annotations(coordinates, self._identity),
            },
        )

    def _name_beside_older(self, name: str) -> str | None:
        """Return another name when an older Dag run has taken ours, None when it is not so."""
        coordinates = self._request.coordinates
        salt = ids.salt_of_run(coordinates)
        salted = ids.execution_name(coordinates, coordinates.try_number, salt)
        if self._request.explicit_name or not salt or name == salted:
            return None
        execution = self._get(name)
        if execution is None:
            return None
        if not self._is_of_another_run(execution) and not self._is_older_than_run(execution):
            return None
        self._log.info("Execution %s is of an earlier Dag run of this id, passing over it", name)
        return salted

    def _take_existing(self, name: str) -> Launched:
        """Return the execution that exists under our name, if it is ours."""
        execution = self._get(name)
        target = self._request.target
        if execution is None:
            raise FlyteConcurrencyLimitError(
                f"Execution {name} was not created: the concurrency limit of {target} is reached "
                "and its policy is to skip",
                name=name,
            )
        if self._is_ours(execution) or (self._request.explicit_name and self._request.takes_existing):
            self._log.info("Attaching to execution %s, which exists already", name)
            return Launched(execution.id, "attached", execution)
        raise self._conflict(execution)

    def _is_ours(self, execution: execution_pb2.Execution) -> bool:
        """Whether this very launch made it: same task instance, entity and inputs, and not before
        the run began.
        """
        is_same = execution.spec.annotations.values.get(ids.IDENTITY) == self._identity
        starts_anew = self._request.coordinates.is_first_try and self._is_older_than_run(execution)
        return is_same and not starts_anew and not self._is_of_another_run(execution)

    def _conflict(self, execution: execution_pb2.Execution) -> FlyteExecutionConflictError:
        values = execution.spec.annotations.values
        if values.get(ids.IDENTITY) == self._identity:
            why = "this task launched it in an earlier Dag run of this id, or before it was cleared"
        elif ids.belongs_to_task(values, self._request.coordinates):
            why = "this task launched it with other inputs"
        elif owner := values.get(f"{ids.PREFIX}dag_id"):
            why = f"it was launched by {owner}.{values.get(f'{ids.PREFIX}task_id')}"
        else:
            why = "it was not launched by Airflow"
        name = execution.id.name
        return FlyteExecutionConflictError(
            f"Execution {name} exists in {execution.id.project}/{execution.id.domain} and is not this "
            f"task's: {why}; choose another execution_name, or set [flyte] name_namespace where two Airflows "
            "share a project",
            name=name,
            phase=phases.phase_name(execution.closure.phase),
        )

    # -- small things ----------------------------------------------------------------------------------------

    def _id(self, name: str) -> identifier_pb2.WorkflowExecutionIdentifier:
        return identifier_pb2.WorkflowExecutionIdentifier(
            project=self._request.project, domain=self._request.domain, name=name
        )

    def _get(self, name: str) -> execution_pb2.Execution | None:
        try:
            return self._client.get_execution(self._id(name))
        except FlyteEntityNotFoundError:
            return None

    def _terminate(self, execution_id: identifier_pb2.WorkflowExecutionIdentifier, cause: str) -> None:
        try:
            self._client.terminate_execution(execution_id, cause)
        except FlyteServerError as exc:
            if exc.code not in ("FAILED_PRECONDITION", "NOT_FOUND"):
                raise
        self._log.info("Terminated execution %s: %s", execution_id.name, cause)
