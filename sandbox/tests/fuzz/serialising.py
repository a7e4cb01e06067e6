"""Prints what flytekit would register for a package of examples: RPC and request, in base64, a line each.

A program of its own, so that flytekit's modules and warnings stay out of the tests' process.
"""

from __future__ import annotations

import base64
import sys

from flyteidl.admin import launch_plan_pb2, task_pb2, workflow_pb2
from flytekit.configuration import Image, ImageConfig, SerializationSettings
from flytekit.models.launch_plan import LaunchPlan
from flytekit.models.task import TaskSpec
from flytekit.tools.repo import serialize_get_control_plane_entities, serialize_load_only


def main(package: str, root: str, project: str, domain: str, version: str) -> None:
    settings = SerializationSettings(
        image_config=ImageConfig(default_image=Image(name="default", fqn="fuzz", tag="1")),
        project=project,
        domain=domain,
        version=version,
        python_interpreter="python",
    )
    serialize_load_only([package], settings, root)
    for entity in serialize_get_control_plane_entities(settings, root):
        name, request = _request(entity)
        sys.stdout.write(f"{name} {base64.b64encode(request.SerializeToString()).decode()}\n")


def _request(entity: object) -> tuple[str, object]:
    idl = entity.to_flyte_idl()
    if isinstance(entity, TaskSpec):
        return "CreateTask", task_pb2.TaskCreateRequest(id=idl.template.id, spec=idl)
    if isinstance(entity, LaunchPlan):
        return "CreateLaunchPlan", launch_plan_pb2.LaunchPlanCreateRequest(id=idl.id, spec=idl.spec)
    return "CreateWorkflow", workflow_pb2.WorkflowCreateRequest(id=idl.template.id, spec=idl)


if __name__ == "__main__":
    main(*sys.argv[1:])
