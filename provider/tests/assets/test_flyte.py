"""``flyte://`` addresses: what they may look like, and what OpenLineage makes of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from flyte_provider.assets import flyte
from flyte_provider.operators.flyte import FlyteOperator

from ..fakes.admin import FakeAdmin
from ..fakes.airflow import make_context

URI = "flyte://flyte.example.com/flytesnacks/development/train"


def test_an_asset_is_made_of_its_parts() -> None:
    parts = {"host": "flyte.example.com", "project": "flytesnacks", "domain": "development"}
    asset = flyte.create_asset(**parts, launchplan="train", extra={"a": 1})
    assert (asset.uri, asset.extra) == (URI, {"a": 1})


def test_an_address_is_put_into_one_form() -> None:
    uri = urlsplit("flyte://Flyte.Example.com/flytesnacks/development/train/")
    assert flyte.sanitize_uri(uri).geturl() == URI


@pytest.mark.parametrize(
    "uri", ["flyte:///p/d/lp", "flyte://h/p/d", "flyte://h/p/d/lp/more", "flyte://h/p//lp"]
)
def test_other_forms_are_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="must be flyte://host/project/domain/launch-plan"):
        flyte.sanitize_uri(urlsplit(uri))


def test_an_address_of_data_is_no_asset() -> None:
    with pytest.raises(ValueError, match="address of one execution's data"):
        flyte.sanitize_uri(urlsplit("flyte://v1/flytesnacks/development/e1/n0/o"))


def test_an_outlets_event_says_which_execution_it_comes_from(admin: FakeAdmin, conn_id: str) -> None:
    admin.add_launch_plan("train")
    ours = flyte.create_asset(host="h", project="p", domain="d", launchplan="train")
    operator = FlyteOperator(task_id="t", flyte_conn_id=conn_id, launchplan_name="train", outlets=[ours])
    events = {ours.uri: SimpleNamespace(extra={"mine": 1})}
    context = make_context(operator)
    context["outlet_events"] = ByUri(events)
    name = operator.execute(context)
    url = context["ti"].xcoms["flyte_console_url"]
    assert events[ours.uri].extra == {"mine": 1, "execution": name, "url": url, "outputs_uri": ""}


def test_an_outlet_of_somebody_else_is_left_alone() -> None:
    flyte.describe_events({"outlet_events": ByUri({})}, [SimpleNamespace(uri="s3://b/k")], {"a": 1})  # type: ignore[typeddict-item]


class ByUri:
    """Airflow's accessors of a task's outlet events, which take an asset."""

    def __init__(self, events: dict[str, Any]) -> None:
        self._events = events

    def __getitem__(self, asset: Any) -> Any:
        return self._events[asset.uri]


def test_openlineage_knows_it() -> None:
    pytest.importorskip("openlineage.client")
    asset = flyte.create_asset(host="h", project="p", domain="d", launchplan="lp")
    dataset = flyte.convert_asset_to_openlineage(asset, None)
    assert (dataset.namespace, dataset.name) == ("flyte://h", "p/d/lp")
