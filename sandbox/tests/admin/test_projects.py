"""Projects: registered once, changed in parts, archived ones take nothing new."""

from __future__ import annotations

import pytest
from flyteidl.admin import common_pb2, project_pb2

from flyte_sandbox.admin.rooms import Admin
from flyte_sandbox.errors import AlreadyExists, InvalidArgument, NotFound

from ..conformance.entities import task_request

STATE = project_pb2.Project


def register(admin: Admin, **fields: object) -> None:
    project = project_pb2.Project(**{"id": "models", "name": "Models", "description": "ours", **fields})
    admin.projects.register(project_pb2.ProjectRegisterRequest(project=project))


def get(admin: Admin, id: str = "models") -> project_pb2.Project:
    return admin.projects.get(project_pb2.ProjectGetRequest(id=id))


def list_ids(admin: Admin, **fields: object) -> list[str]:
    return [one.id for one in admin.projects.list(project_pb2.ProjectListRequest(**fields)).projects]


def test_every_project_has_the_domains_of_the_platform(admin: Admin) -> None:
    register(admin)
    domains = [one.id for one in get(admin).domains]
    assert domains == ["development", "staging", "production"]
    assert [one.id for one in admin.projects.get_domains(project_pb2.GetDomainRequest()).domains] == domains


def test_a_project_is_registered_once(admin: Admin) -> None:
    register(admin)
    with pytest.raises(AlreadyExists, match="value with matching already exists"):
        register(admin, name="other")
    assert get(admin).name == "Models"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "missing project_name"),
        ({"id": ""}, "missing project_id"),
        ({"id": "Not_A_Label"}, "invalid project id"),
        ({"name": "x" * 65}, "project_name cannot exceed 64 characters"),
        ({"description": "x" * 301}, "project_description cannot exceed 300 characters"),
        ({"domains": [project_pb2.Domain(id="mine")]}, "only set system wide"),
        (
            {"labels": common_pb2.Labels(values={str(n): "" for n in range(17)})},
            "labels map cannot exceed 16 entries",
        ),
        ({"labels": common_pb2.Labels(values={"a b": ""})}, "invalid label key"),
    ],
)
def test_what_is_refused(admin: Admin, fields: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        register(admin, **fields)


def test_an_update_keeps_what_it_leaves_empty_and_always_writes_the_state(admin: Admin) -> None:
    labels = common_pb2.Labels(values={"team": "ml"})
    register(admin, labels=labels)
    admin.projects.update(project_pb2.Project(id="models", state=STATE.ARCHIVED))
    archived = get(admin)
    assert (archived.name, archived.description, archived.labels) == ("Models", "ours", labels)
    assert archived.state == STATE.ARCHIVED
    newer = common_pb2.Labels(values={"tier": "1"})
    admin.projects.update(project_pb2.Project(id="models", name="M", labels=newer))
    back = get(admin)
    assert (back.name, back.labels, back.state) == ("M", newer, STATE.ACTIVE)


def test_what_an_update_refuses(admin: Admin) -> None:
    with pytest.raises(NotFound, match=r"project \[nobody\] not found"):
        admin.projects.update(project_pb2.Project(id="nobody"))
    with pytest.raises(InvalidArgument, match="only set system wide"):
        admin.projects.update(project_pb2.Project(id="flytesnacks", domains=[project_pb2.Domain(id="x")]))
    with pytest.raises(NotFound, match=r"project \[nobody\] not found"):
        get(admin, "nobody")


def test_all_but_the_archived_are_listed_by_id_unless_a_filter_is_given(admin: Admin) -> None:
    register(admin)
    register(admin, id="a-project", name="Z")
    admin.projects.update(project_pb2.Project(id="models", state=STATE.ARCHIVED))
    assert list_ids(admin) == ["a-project", "flytesnacks"]
    assert list_ids(admin, filters="eq(project.state,1)") == ["models"]
    assert list_ids(admin, filters="contains(name,M)") == ["models"]
    by_name = common_pb2.Sort(key="name", direction=common_pb2.Sort.DESCENDING)
    assert list_ids(admin, sort_by=by_name) == ["flytesnacks", "a-project"]


def test_a_limit_makes_pages(admin: Admin) -> None:
    register(admin)
    first = admin.projects.list(project_pb2.ProjectListRequest(limit=1))
    assert [one.id for one in first.projects] == ["flytesnacks"]
    assert list_ids(admin, limit=5, token=first.token) == ["models"]
    assert admin.projects.list(project_pb2.ProjectListRequest()).token == ""


@pytest.mark.parametrize("state", [STATE.ARCHIVED, STATE.SYSTEM_GENERATED, STATE.SYSTEM_ARCHIVED])
def test_only_an_active_project_takes_new_things(admin: Admin, state: int) -> None:
    register(admin)
    admin.projects.update(project_pb2.Project(id="models", state=state))
    with pytest.raises(InvalidArgument, match=r"project \[models\] is not active") as error:
        admin.tasks.create(task_request("models", "t"))
    assert error.value.details == (project_pb2.InactiveProject(id="models"),)


def test_an_unknown_domain_is_refused(admin: Admin) -> None:
    request = task_request("flytesnacks", "t")
    request.id.domain = "nowhere"
    with pytest.raises(InvalidArgument, match=r"domain \[nowhere\] is unrecognized by system"):
        admin.tasks.create(request)
