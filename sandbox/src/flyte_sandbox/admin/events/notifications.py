"""Says who would have been told of an execution's end. Nothing is sent, as in the real sandbox.

Source: flyteadmin pkg/manager/impl/execution_manager.go (publishNotifications).
"""

from __future__ import annotations

import logging

from flyteidl.admin import execution_pb2
from flyteidl.core import execution_pb2 as core_execution_pb2
from flyteidl.core import identifier_pb2

logger = logging.getLogger(__name__)

_KINDS = {"email": "by e-mail", "pager_duty": "by PagerDuty", "slack": "by Slack"}


def log_unsent(
    id: identifier_pb2.WorkflowExecutionIdentifier, closure: execution_pb2.ExecutionClosure
) -> None:
    """:param closure: as it is at the end of the execution."""
    for notification in closure.notifications:
        kind = notification.WhichOneof("type")
        if closure.phase not in notification.phases or kind is None:
            continue
        logger.info(
            "execution %s of %s-%s is %s: would tell %s %s; this sandbox sends nothing",
            id.name,
            id.project,
            id.domain,
            core_execution_pb2.WorkflowExecution.Phase.Name(closure.phase),
            ", ".join(getattr(notification, kind).recipients_email),
            _KINDS[kind],
        )
