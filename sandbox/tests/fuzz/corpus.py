"""Valid requests to start from: what flytekit registers for the examples, and a call of every other RPC."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from flyte_sandbox.rpc.methods import SERVICES, Method, methods

EXAMPLES = Path(__file__).parents[1] / "workflows" / "examples"
PLACE = {"project": "flytesnacks", "domain": "development"}
VERSION = "v1"
EXECUTION = {**PLACE, "name": "fuzzed"}
NODE = {"nodeId": "n0", "executionId": EXECUTION}
TASK_NAME, PLAN_NAME = "examples.hello.say", "examples.hello.hello"
WAITING, WAITING_PLAN = "waiting", "examples.waiting.asks"

METHODS: dict[str, Method] = {
    method.name.rpartition("/")[2]: method for service in SERVICES for method in methods(service)
}
_VALUES: dict[str, Any] = {
    "id": "flytesnacks",
    "name": "",
    "workflow": PLAN_NAME,
    "limit": 10,
    "resourceType": 1,
    "workflowExecutionId": EXECUTION,
    "nodeExecutionId": NODE,
    "expiresIn": "60s",
    **PLACE,
}
"""What a field of a request holds unless the table below says otherwise."""

_TASK = {"resourceType": "TASK", **PLACE, "name": TASK_NAME, "version": VERSION}
_IDS: dict[str, Any] = {
    "flyteidl.core.Identifier": _TASK,
    "flyteidl.core.TaskExecutionIdentifier": {"taskId": _TASK, "nodeExecutionId": NODE, "retryAttempt": 0},
    "flyteidl.admin.NamedEntityIdentifier": {**PLACE, "name": TASK_NAME},
    "flyteidl.core.WorkflowExecutionIdentifier": EXECUTION,
    "flyteidl.core.NodeExecutionIdentifier": NODE,
    "flyteidl.core.SignalIdentifier": {"signalId": "more", "executionId": {**PLACE, "name": "waiting"}},
}
_ATTRIBUTES = {
    **PLACE,
    "workflow": PLAN_NAME,
    "matchingAttributes": {"workflowExecutionConfig": {"maxParallelism": 5, "envs": {"values": []}}},
}
_INTEGER = {"simple": "INTEGER"}
_TIME = "2026-11-22T10:00:00Z"
_INPUTS = {"literals": {"name": {"scalar": {"primitive": {"stringValue": "w"}}}}}
_PLAN = {"resourceType": "LAUNCH_PLAN", **PLACE, "name": PLAN_NAME, "version": VERSION}

CALLS: dict[str, Any] = {
    "CreateExecution": {
        **PLACE,
        "name": "fuzzed",
        "inputs": _INPUTS,
        "spec": {
            "launchPlan": _PLAN,
            "metadata": {"mode": "MANUAL", "principal": "fuzz", "nesting": 0},
            "labels": {"values": {"a": "b"}},
            "annotations": {"values": {"a": "b"}},
            "tags": ["t"],
            "maxParallelism": 4,
            "envs": {"values": [{"key": "A", "value": "b"}]},
            "rawOutputDataConfig": {"outputLocationPrefix": "s3://my-s3-bucket/raw"},
            "notifications": {
                "notifications": [{"phases": ["FAILED"], "email": {"recipientsEmail": ["a@b"]}}]
            },
        },
    },
    "UpdateExecution": {"id": EXECUTION, "state": "EXECUTION_ARCHIVED"},
    "GetLaunchPlan": {"id": _PLAN},
    "GetActiveLaunchPlan": {"id": {**PLACE, "name": PLAN_NAME}},
    "UpdateLaunchPlan": {"id": _PLAN, "state": "ACTIVE"},
    "GetWorkflow": {"id": {**_PLAN, "resourceType": "WORKFLOW"}},
    "RegisterProject": {"project": {"id": "flytesnacks", "name": "f", "labels": {"values": {"a": "b"}}}},
    "UpdateProject": {"id": "flytesnacks", "name": "flytesnacks", "labels": {"values": {"a": "b"}}},
    "UpdateNamedEntity": {
        "resourceType": "TASK",
        "id": {**PLACE, "name": TASK_NAME},
        "metadata": {"description": "d", "state": "NAMED_ENTITY_ACTIVE"},
    },
    "GetOrCreateSignal": {"id": _IDS["flyteidl.core.SignalIdentifier"], "type": _INTEGER},
    "SetSignal": {
        "id": _IDS["flyteidl.core.SignalIdentifier"],
        "value": {"scalar": {"primitive": {"integer": "3"}}},
    },
    "CreateUploadLocation": {
        **PLACE,
        "filename": "a.tar.gz",
        "filenameRoot": "r",
        "contentMd5": "A" * 22 + "==",
    },
    "CreateDownloadLocation": {"nativeUrl": "s3://my-s3-bucket/a", "expiresIn": "60s"},
    "CreateDownloadLink": {"artifactType": "ARTIFACT_TYPE_DECK", "nodeExecutionId": NODE, "expiresIn": "60s"},
    "GetData": {"flyteUrl": "flyte://v1/flytesnacks/development/fuzzed/n0/i"},
    "CreateWorkflowEvent": {
        "requestId": "r",
        "event": {"executionId": EXECUTION, "phase": "RUNNING", "occurredAt": _TIME},
    },
    "CreateNodeEvent": {
        "requestId": "r",
        "event": {"id": NODE, "phase": "RUNNING", "occurredAt": _TIME, "inputUri": "s3://my-s3-bucket/i"},
    },
    "CreateTaskEvent": {
        "requestId": "r",
        "event": {
            "taskId": _IDS["flyteidl.core.Identifier"],
            "parentNodeExecutionId": NODE,
            "phase": "RUNNING",
            "occurredAt": _TIME,
            "logs": [{"uri": "http://localhost/x", "name": "l"}],
        },
    },
    **{
        f"Update{kind}Attributes": {"attributes": _ATTRIBUTES}
        for kind in ("ProjectDomain", "Project", "Workflow")
    },
}


def registrations() -> list[tuple[str, Message]]:
    """Names of RPCs and requests that register the examples, in an order that works."""
    program = Path(__file__).parent / "serialising.py"
    arguments = [EXAMPLES.name, str(EXAMPLES.parent), *PLACE.values(), VERSION]
    done = subprocess.run(
        [sys.executable, program, *arguments], capture_output=True, text=True, check=True, cwd=EXAMPLES.parent
    )
    pairs = (line.split() for line in done.stdout.splitlines() if line.startswith("Create"))
    return [(name, METHODS[name].request.FromString(base64.b64decode(text))) for name, text in pairs]


def call(name: str) -> Message:
    """A request that is valid, or nearly so, of any RPC but those that register."""
    request = METHODS[name].request()
    if name in CALLS:
        json_format.ParseDict(CALLS[name], request, ignore_unknown_fields=True)
        return request
    for field in request.DESCRIPTOR.fields:
        known = field.message_type and field.message_type.full_name in _IDS
        value = _IDS[field.message_type.full_name] if known else _VALUES.get(field.json_name)
        if value is not None and (field.message_type is None or isinstance(value, dict) or known):
            json_format.ParseDict({field.name: value}, request)
    return request
