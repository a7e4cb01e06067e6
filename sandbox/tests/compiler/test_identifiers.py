"""Identifiers, names, labels, projects and notifications: what is refused, in which words."""

from __future__ import annotations

import pytest
from flyteidl.admin import common_pb2, project_pb2
from flyteidl.core import execution_pb2, identifier_pb2

from flyte_sandbox.compiler import identifiers
from flyte_sandbox.compiler.kubernetes_names import (
    dns_label_errors,
    label_value_errors,
    qualified_name_errors,
)
from flyte_sandbox.errors import InvalidArgument

COMPLETE = {"project": "p", "domain": "d", "name": "n", "version": "v"}
PHASE = execution_pb2.WorkflowExecution.Phase


def test_the_resource_type_is_asked_first() -> None:
    with pytest.raises(InvalidArgument) as refusal:
        identifiers.validate_identifier(
            identifier_pb2.Identifier(resource_type=identifier_pb2.WORKFLOW, project="p"), identifier_pb2.TASK
        )
    assert refusal.value.message == (
        'unexpected resource type workflow for identifier [resource_type:WORKFLOW project:"p"],'
        " expected task instead"
    )


@pytest.mark.parametrize("absent", list(COMPLETE))
def test_each_part_of_an_identifier_is_required(absent: str) -> None:
    parts = {name: text for name, text in COMPLETE.items() if name != absent}
    with pytest.raises(InvalidArgument, match=rf"^missing {absent}$"):
        identifiers.validate_identifier(
            identifier_pb2.Identifier(resource_type=identifier_pb2.TASK, **parts), identifier_pb2.TASK
        )


def test_parts_are_asked_for_in_order() -> None:
    with pytest.raises(InvalidArgument, match=r"^missing project$"):
        identifiers.validate_identifier_fields(identifier_pb2.Identifier())


def test_the_key_leaves_out_the_resource_type() -> None:
    identifier = identifier_pb2.Identifier(resource_type=identifier_pb2.TASK, **COMPLETE)
    assert identifiers.identifier_key(identifier) == ("p", "d", "n", "v")


@pytest.mark.parametrize("name", ["", "a", "a1-b", "Abc", "a" * 63])
def test_execution_names_that_are_fine(name: str) -> None:
    identifiers.validate_execution_name(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 64, "size of name exceeded length 63 : " + "a" * 64),
        ("1a", r"invalid name format: 1a, does not match regex '^[a-z][a-z\-0-9]*$'"),
        ("a_b", r"invalid name format: a_b, does not match regex '^[a-z][a-z\-0-9]*$'"),
        ("a\n", "invalid name format: a\n, does not match regex '^[a-z][a-z\\-0-9]*$'"),
    ],
)
def test_execution_names_that_are_not(name: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        identifiers.validate_execution_name(name)
    assert refusal.value.message == message


@pytest.mark.parametrize(
    "key", ["a", "A.b_c-1", "example.com/name", "a" * 63, "x" * 63 + "." + "y" * 63 + "/n"]
)
def test_label_keys_that_kubernetes_takes(key: str) -> None:
    assert qualified_name_errors(key) == []


@pytest.mark.parametrize("key", ["", "-a", "a-", "a b", "/n", "a/b/c", "a/", "UP.com/n", "a" * 64, "ä"])
def test_label_keys_that_kubernetes_refuses(key: str) -> None:
    assert qualified_name_errors(key)


@pytest.mark.parametrize(("value", "is_fine"), [("", True), ("a.B_1", True), ("-", False), ("a" * 64, False)])
def test_label_values(value: str, is_fine: bool) -> None:
    assert (label_value_errors(value) == []) is is_fine


@pytest.mark.parametrize(("name", "is_fine"), [("a-1", True), ("", False), ("A", False), ("a.b", False)])
def test_dns_labels(name: str, is_fine: bool) -> None:
    assert (dns_label_errors(name) == []) is is_fine


def test_more_than_sixteen_labels_are_refused() -> None:
    labels = common_pb2.Labels(values={f"k{i}": "v" for i in range(17)})
    with pytest.raises(InvalidArgument, match=r"^labels map cannot exceed 16 entries$"):
        identifiers.validate_labels(labels)


@pytest.mark.parametrize(
    ("labels", "start"),
    [({"a b": "v"}, "invalid label key [a b]: ["), ({"a": "v v"}, "invalid label value [v v]: [")],
)
def test_a_bad_label_is_named(labels: dict[str, str], start: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        identifiers.validate_labels(common_pb2.Labels(values=labels))
    assert refusal.value.message.startswith(start)


@pytest.mark.parametrize(
    ("project", "message"),
    [
        ({"id": "p"}, "missing project_name"),
        ({"name": "P"}, "missing project_id"),
        ({"id": "p", "name": "n" * 65}, "project_name cannot exceed 64 characters"),
        (
            {"id": "p", "name": "n", "description": "d" * 301},
            "project_description cannot exceed 300 characters",
        ),
    ],
)
def test_a_project_is_complete_and_short(project: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        identifiers.validate_project(project_pb2.Project(**project))
    assert refusal.value.message == message


def test_a_project_id_is_a_dns_label() -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid project id \[My Project\]"):
        identifiers.validate_project(project_pb2.Project(id="My Project", name="n"))


def test_domains_of_a_project_cannot_be_chosen() -> None:
    project = project_pb2.Project(id="p", name="n", domains=[project_pb2.Domain(id="d")])
    with pytest.raises(InvalidArgument, match=r"^Domains are currently only set system wide"):
        identifiers.validate_project(project)


def test_an_update_may_leave_the_name_out() -> None:
    identifiers.validate_project(project_pb2.Project(id="p"), is_new=False)


def _email(recipients: list[str], *phases: int) -> common_pb2.Notification:
    email = common_pb2.EmailNotification(recipients_email=recipients)
    return common_pb2.Notification(email=email, phases=phases)


@pytest.mark.parametrize(
    ("notification", "message"),
    [
        (common_pb2.Notification(phases=[PHASE.FAILED]), "invalid value for notification type"),
        (_email([], PHASE.FAILED), "missing recipients"),
        (_email(["a@b", ""], PHASE.FAILED), "missing recipient"),
        (_email(["a@b"], PHASE.RUNNING), "invalid value for phase"),
    ],
)
def test_notifications_that_nobody_would_get(notification: common_pb2.Notification, message: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{message}$"):
        identifiers.validate_notifications([notification])


def test_notifications_for_every_terminal_phase() -> None:
    identifiers.validate_notifications(
        [_email(["a@b"], PHASE.SUCCEEDED, PHASE.FAILED, PHASE.ABORTED, PHASE.TIMED_OUT)]
    )
