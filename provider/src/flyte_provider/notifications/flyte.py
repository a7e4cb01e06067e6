"""FlyteNotifier: launch an execution when a task or a Dag run ends, as one of Airflow's callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flyte_provider import _airflow_private
from flyte_provider._airflow import BaseNotifier
from flyte_provider._launch.identity import notification_name
from flyte_provider._launch.target import choose_one, choose_target
from flyte_provider.exceptions import FlyteServerError
from flyte_provider.hooks.flyte import FlyteHook

if TYPE_CHECKING:
    from flyte_provider._airflow import Context


class FlyteNotifier(BaseNotifier):
    """
    Launch an execution as a callback, and do not wait for it.

    A callback that Airflow runs twice launches once: the execution's name follows from the task instance's
    try, or from the Dag run.

    :param flyte_conn_id: The Flyte connection to use.
    :param project: The Flyte project; the connection's where None.
    :param domain: The Flyte domain; the connection's where None.
    :param launchplan_name: The launch plan to launch. Exactly one of this, task_name and workflow_name is
        required.
    :param task_name: The Flyte task to launch.
    :param workflow_name: The workflow to launch, through its default launch plan.
    :param version: The entity's version; None is the active launch plan, else the newest.
    :param inputs: Input values keyed by name; templates see what the callback is told.
    """

    template_fields: Sequence[str] = (
        "flyte_conn_id",
        "project",
        "domain",
        "launchplan_name",
        "task_name",
        "workflow_name",
        "version",
        "inputs",
    )

    def __init__(
        self,
        *,
        flyte_conn_id: str = FlyteHook.default_conn_name,
        project: str | None = None,
        domain: str | None = None,
        launchplan_name: str | None = None,
        task_name: str | None = None,
        workflow_name: str | None = None,
        version: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        # Before super(): Airflow's constructor looks at template fields already.
        self.flyte_conn_id = flyte_conn_id
        self.project = project
        self.domain = domain
        self.launchplan_name = launchplan_name
        self.task_name = task_name
        self.workflow_name = workflow_name
        self.version = version
        self.inputs = inputs
        super().__init__(**kwargs)
        choose_one(launchplan_name, task_name, workflow_name)

    def notify(self, context: Context) -> None:
        """Launch; an execution of this very callback that exists already is good."""
        target = choose_target(self.launchplan_name, self.task_name, self.workflow_name, self.version)
        name = notification_name(_airflow_private.read_run_coordinates(context), str(target))
        hook = FlyteHook(self.flyte_conn_id, self.project, self.domain)
        try:
            ref = hook.trigger_execution(
                name,
                launchplan_name=self.launchplan_name,
                task_name=self.task_name,
                workflow_name=self.workflow_name,
                version=self.version,
                inputs=self.inputs,
            )
        except FlyteServerError as exc:
            if exc.code != "ALREADY_EXISTS":
                raise
            self.log.info("Execution %s was launched before", name)
        else:
            self.log.info("Execution %s submitted: %s", name, ref.url)
        finally:
            hook.close()

    async def async_notify(self, context: Context) -> None:
        """Launch from a triggerer, as for deadline alerts, without blocking it."""
        await asyncio.to_thread(self.notify, context)
