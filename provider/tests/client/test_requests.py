"""Launch options in an execution's spec: each field, and nothing where nothing was said."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.admin import execution_pb2
from flyteidl.core import identifier_pb2, literals_pb2
from google.protobuf.json_format import MessageToDict

from flyte_provider._client.requests import build_create_request
from flyte_provider._launch.target import LaunchOptions
from flyte_provider.exceptions import FlyteConfigurationError

from ..fakes.admin import entity_id, execution_id

LAUNCH_PLAN = entity_id(identifier_pb2.LAUNCH_PLAN, "lp", "v1")
MAILS = {"recipients_email": ["a@b.c"]}


def spec(**options: Any) -> dict[str, Any]:
    request = build_create_request(
        execution_id("e1"), LAUNCH_PLAN, literals_pb2.LiteralMap(), LaunchOptions(**options)
    )
    assert (request.project, request.domain, request.name) == ("flytesnacks", "development", "e1")
    shown = MessageToDict(request.spec, preserving_proto_field_name=True)
    del shown["launch_plan"], shown["metadata"]
    return shown


def test_nothing_said_is_nothing_set() -> None:
    assert spec() == {}


def test_the_inputs_travel_with_the_request() -> None:
    literals = literals_pb2.LiteralMap(literals={"a": literals_pb2.Literal()})
    request = build_create_request(execution_id("e1"), LAUNCH_PLAN, literals, LaunchOptions())
    assert request.inputs == literals
    assert request.spec.launch_plan == LAUNCH_PLAN


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"labels": {"a": "b"}}, {"labels": {"values": {"a": "b"}}}),
        ({"annotations": {"a": 1}}, {"annotations": {"values": {"a": "1"}}}),
        ({"envs": {"A": "b"}}, {"envs": {"values": [{"key": "A", "value": "b"}]}}),
        ({"tags": ["x", "y"]}, {"tags": ["x", "y"]}),
        ({"max_parallelism": 3}, {"max_parallelism": 3}),
        ({"raw_output_data_config": "s3://b/p"}, {"raw_output_data_config": {"output_location_prefix": "s3://b/p"}}),
        (
            {"raw_output_data_config": {"output_location_prefix": "s3://b/p"}},
            {"raw_output_data_config": {"output_location_prefix": "s3://b/p"}},
        ),
        ({"overwrite_cache": True}, {"overwrite_cache": True}),
        ({"interruptible": True}, {"interruptible": True}),
        ({"interruptible": False}, {"interruptible": False}),
        ({"cluster_pool": "gpu"}, {"cluster_assignment": {"cluster_pool_name": "gpu"}}),
        ({"execution_cluster_label": "eu"}, {"execution_cluster_label": {"value": "eu"}}),
        ({"iam_role": "arn:x"}, {"security_context": {"run_as": {"iam_role": "arn:x"}}}),
        (
            {"kubernetes_service_account": "sa"},
            {"security_context": {"run_as": {"k8s_service_account": "sa"}}},
        ),
        (
            {"oauth2_client": {"client_id": "id", "client_secret": "key-of-it"}},
            {"security_context": {"run_as": {"oauth2_client": {
                "client_id": "id", "client_secret": {"key": "key-of-it"},
            }}}},
        ),
        (
            {"oauth2_client": {"client_id": "id", "client_secret": {"group": "g", "key": "k"}}},
            {"security_context": {"run_as": {"oauth2_client": {
                "client_id": "id", "client_secret": {"group": "g", "key": "k"},
            }}}},
        ),
        (
            {"secrets": [{"group": "g", "key": "k", "group_version": None, "mount_requirement": "FILE"}]},
            {"security_context": {"secrets": [{"group": "g", "key": "k", "mount_requirement": "FILE"}]}},
        ),
        (
            {"secrets": [{"group": "g", "key": "k", "mount_requirement": 1, "env_var": "E"}]},
            {"security_context": {"secrets": [
                {"group": "g", "key": "k", "mount_requirement": "ENV_VAR", "env_var": "E"},
            ]}},
        ),
        (
            {"notifications": [{"phases": ["SUCCEEDED", 6], "email": MAILS}]},
            {"notifications": {"notifications": [{"phases": ["SUCCEEDED", "FAILED"], "email": MAILS}]}},
        ),
        (
            {"notifications": [{"phases": ["failed"], "pagerduty": MAILS}], "disable_notifications": False},
            {"notifications": {"notifications": [{"phases": ["FAILED"], "pager_duty": MAILS}]}},
        ),
        (
            {"notifications": [{"phases": [7], "slack": MAILS, "email": None}]},
            {"notifications": {"notifications": [{"phases": ["ABORTED"], "slack": MAILS}]}},
        ),
        ({"disable_notifications": True}, {"disable_all": True}),
        (
            {"notifications": [{"phases": [7], "slack": MAILS}], "disable_notifications": True},
            {"disable_all": True},
        ),
        ({"disable_notifications": False}, {}),
    ],
)  # fmt: skip
def test_each_option_sets_its_field_and_no_other(options: dict[str, Any], expected: dict[str, Any]) -> None:
    assert spec(**options) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ["a"]}, "labels: expected a dict, got list"),
        ({"secrets": ["k"]}, "secrets[0]: expected a dict, got str"),
        (
            {"secrets": [{"name": "k"}]},
            "secrets[0]: unknown key 'name', expected env_var, group, group_version, key, mount_requirement",
        ),
        (
            {"secrets": [{"key": "k", "mount_requirement": "DISK"}]},
            "secrets[0]: mount_requirement is 'DISK', expected ANY, ENV_VAR, FILE",
        ),
        (
            {"oauth2_client": {"id": "x"}},
            "oauth2_client: unknown key 'id', expected client_id, client_secret",
        ),
        (
            {"notifications": [{"phases": ["RUNNING"], "email": MAILS}]},
            "notifications[0]: phase 'RUNNING' is not one that notifies: "
            "ABORTED, FAILED, SUCCEEDED, TIMED_OUT",
        ),
        ({"notifications": [{"phases": [], "email": MAILS}]}, "notifications[0]: phases is empty"),
        (
            {"notifications": [{"phases": [6]}]},
            "notifications[0]: expected exactly one of email, slack, pager_duty",
        ),
        (
            {"notifications": [{"phases": [6], "email": MAILS, "slack": MAILS}]},
            "notifications[0]: expected exactly one of email, slack, pager_duty",
        ),
        (
            {"notifications": [{"phases": [6], "email": {"recipients_email": []}}]},
            "notifications[0]: email has no recipients_email",
        ),
    ],
)
def test_what_flyte_would_not_understand_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(FlyteConfigurationError) as caught:
        spec(**options)
    assert str(caught.value) == message


def test_every_field_of_a_spec_is_known_here() -> None:
    """A field that a newer Flyte adds shows up here first."""
    known = {"launch_plan", "metadata", "notifications", "disable_all", "labels", "annotations", "envs"}
    known |= {"security_context", "max_parallelism", "raw_output_data_config", "cluster_assignment"}
    known |= {"interruptible", "overwrite_cache", "tags", "execution_cluster_label"}
    left_out = {"inputs", "auth_role", "quality_of_service", "execution_env_assignments"}
    fields = {field.name for field in execution_pb2.ExecutionSpec.DESCRIPTOR.fields}
    assert fields == known | left_out
