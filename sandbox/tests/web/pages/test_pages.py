"""Every page says something useful, every link leads to one, and nothing that a user wrote becomes markup."""

from __future__ import annotations

import ast
import html
import inspect
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
import pytest
from flyteidl.admin import node_execution_pb2
from flyteidl.core import execution_pb2

from flyte_sandbox.errors import NotFound

PLACE = "/console/projects/flytesnacks/domains/development"
GREEN = f"{PLACE}/executions/alxq8c2vdrtkp9w4mz7s"
RED = f"{PLACE}/executions/ffailed7bzkq2n9"
BUSY = f"{PLACE}/executions/arunning4kx"
WORKFLOW = "ml_training.pima_diabetes.diabetes.diabetes_xgboost_model"
VERSION = "8dNTx3qfCqOgYg2nzPpaZw"

pytestmark = pytest.mark.usefixtures("examples")


async def text_of(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def links_of(text: str) -> list[str]:
    found = re.findall(r'(?:href|src)="([^"]*)"', text)
    return [link.replace("&amp;", "&") for link in found]


async def test_every_link_on_every_page_leads_to_a_page(
    client: httpx.AsyncClient, logs: Any, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text("hello\n")
    logs.paths.update({(run, node, n): log for run in _RUNS for node in _NODES for n in (0, 1)})
    seen, waiting = set(), ["/console/"]
    while waiting:
        address = waiting.pop()
        if address in seen or address.startswith(("http", "/signed/")):
            continue
        seen.add(address)
        answer = await client.get(address)
        assert answer.status_code in (200, 302), f"{address}: {answer.status_code} {answer.text}"
        if answer.status_code == 302:
            waiting.append(answer.headers["location"])
        elif answer.headers["content-type"].startswith("text/html"):
            check_policy(answer)
            waiting += [urljoin(address, link) for link in links_of(answer.text)]
    kinds = {re.sub(r"[^/]*[0-9.][^/]*", "*", unquote(urlsplit(address).path)) for address in seen}
    assert len(kinds) > 20, kinds


_RUNS = ("alxq8c2vdrtkp9w4mz7s", "ffailed7bzkq2n9", "arunning4kx")
_NODES = ("n0", "n1", "n2", "n2-0-n0", "n2-0-n1", "n1-n0-0", "n1-n0-1", "n1-n0-2")


@pytest.mark.parametrize(
    "path",
    [
        "/console/",
        PLACE,
        GREEN,
        RED,
        f"{PLACE}/executions/aborted5wq",
        f"{RED}/nodes/n1",
        f"{PLACE}/workflow/{WORKFLOW}/version/{VERSION}",
        f"{PLACE}/launch_plan/{WORKFLOW}/version/{VERSION}",
        "/console/<script>alert(1)</script>",
        f"{PLACE}/executions/<script>alert(1)</script>",
    ],
)
async def test_what_a_user_wrote_is_never_markup(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert "<script>alert" not in answer.text
    assert "javascript:" not in " ".join(links_of(answer.text))


@pytest.mark.parametrize(
    "path", ["/console/", PLACE, GREEN, "/console/nothing", f"{GREEN}/nodes/n2-0-n0/deck"]
)
async def test_pages_allow_nothing_but_themselves(client: httpx.AsyncClient, path: str) -> None:
    check_policy(await client.get(path))


def check_policy(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'self'" in policy
    assert not re.search(r"<[^>]* (style|on[a-z]+)=", answer.text)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/console", "/console/"),
        ("/console/projects/flytesnacks", PLACE),
        ("/console/projects/flytesnacks/executions?domain=staging", PLACE.replace("development", "staging")),
        ("/console/projects/flytesnacks/workflows?domain=development", f"{PLACE}/workflows"),
        ("/console/projects/flytesnacks/launchPlans", f"{PLACE}/launch_plans"),
        ("/console/projects/flytesnacks/dashboard", PLACE),
        (f"{GREEN}/nodeId/n2-0-n0/nodes", f"{GREEN}/nodes/n2-0-n0"),
    ],
)
async def test_addresses_of_the_real_console_lead_on(client: httpx.AsyncClient, path: str, to: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, to)


@pytest.mark.parametrize(
    "path",
    [
        f"{PLACE}/task/{WORKFLOW}/version/{VERSION}",
        f"{PLACE}/workflow/{WORKFLOW}/version/{VERSION}",
        f"{PLACE}/launch_plan/{WORKFLOW}/version/{VERSION}",
        f"{PLACE}/workflows/{WORKFLOW}",
        f"{PLACE}/launchPlans/{WORKFLOW}",
        f"{PLACE}/tasks/{WORKFLOW}",
        f"{PLACE}/executions/alxq8c2vdrtkp9w4mz7s/nodes",
        f"{PLACE}/executions",
    ],
)
async def test_addresses_that_flytekit_and_the_console_print_are_pages(
    client: httpx.AsyncClient, path: str
) -> None:
    assert WORKFLOW in await text_of(client, path)


@pytest.mark.parametrize(
    "path",
    [
        "/console/nothing",
        f"{PLACE}/things",
        f"{PLACE}/executions/nobody",
        f"{GREEN}/nodes/n9",
        f"{GREEN}/nodes/n0/deck",
        "/console/projects/nobody/domains/development",
        f"{PLACE.replace('development', 'nowhere')}",
        "/console/logs/flytesnacks/development/alxq8c2vdrtkp9w4mz7s/n9/0",
    ],
)
async def test_what_is_not_there_is_said_with_a_way_out(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text
    assert 'href="/console/"' in answer.text


async def test_the_project_page_shows_its_runs_and_what_is_registered(client: httpx.AsyncClient) -> None:
    text = await text_of(client, PLACE)
    for phase in ("succeeded", "failed", "running", "aborted", "queued"):
        assert f">{phase}</span>" in text
    assert "basics.hello" in text
    assert "data-live" in text, "a run is under way"


async def test_the_execution_page_shows_nodes_in_order_with_their_names(client: httpx.AsyncClient) -> None:
    text = await text_of(client, GREEN)
    names = re.findall(r'class="name" href="[^"]*">([^<]*)<', text)
    assert names == ["split", "train", "report", "evaluate", "publish"]
    assert re.search(rf'<a [^>]*href="{RED}/nodes/n0"[^>]*>from cache</a>', text)
    assert ">written to cache<" in text, "what a first run leaves is not a hit"
    assert "6.3 s" in text
    assert "0.7519685" in text
    assert "data-live" not in text
    assert f'href="{GREEN}/nodes/n2-0-n0/deck"' in text
    assert f'href="{PLACE}/executions/fchild3xnq"' in text
    assert "http://localhost:8080/dags/example_flyte/runs/manual" in text


async def test_a_bar_lies_where_its_node_ran(client: httpx.AsyncClient) -> None:
    text = await text_of(client, GREEN)
    train = text.partition(">train<")[2]
    x, width = (int(part) for part in re.findall(r'class="run" x="(\d+)" y="1" width="(\d+)"', train)[0])
    assert (x, x + width) == (94, 750), "0.6 s and 4.8 s of 6.4 s"


async def test_a_failure_says_what_was_said_before_its_trace(client: httpx.AsyncClient) -> None:
    text = await text_of(client, RED)
    assert "USER:RuntimeError" in text
    said, trace = (
        text.index('class="said">ValueError: no positive case'),
        text.index("Traceback (most recent"),
    )
    assert said < trace
    assert "log 1</a>" in text
    assert "log 2</a>" in text
    assert 'href="https://logs.example/x"' in text


async def test_what_a_list_cuts_short_is_asked_for_in_full(client: httpx.AsyncClient, examples: Any) -> None:
    nodes = examples.nodes[("ffailed7bzkq2n9", "")]
    cut = type(nodes[1])()
    cut.CopyFrom(nodes[1])
    cut.closure.error.message = cut.closure.error.message[:100]
    examples.listed[("ffailed7bzkq2n9", "")] = [nodes[0], cut, nodes[2]]
    row = (await text_of(client, RED)).partition('class="trouble bad"')[2].partition("</tr>")[0]
    assert "ValueError: no positive case in 768 rows" in row
    assert "Traceback" not in row


async def test_what_a_real_cluster_would_have_done_is_noted_once(client: httpx.AsyncClient) -> None:
    text = await text_of(client, RED)
    notes = text.partition("<h2>Notes</h2>")[2].partition("</section>")[0]
    assert notes.count("A GPU was requested; the task ran without one.") == 1
    assert ">train<" in notes
    assert "task started" not in notes
    assert "<h2>Notes</h2>" not in await text_of(client, GREEN)


async def test_an_abort_says_its_cause(client: httpx.AsyncClient) -> None:
    text = await text_of(client, f"{PLACE}/executions/aborted5wq")
    assert "Aborted by airflow" in text
    assert "Marked failed in Airflow" in text


async def test_a_run_under_way_is_kept_fresh_until_it_ends(client: httpx.AsyncClient, examples: Any) -> None:
    assert "<main data-live>" in await text_of(client, BUSY)
    examples.executions["arunning4kx"].closure.phase = execution_pb2.WorkflowExecution.SUCCEEDED
    assert "<main>" in await text_of(client, BUSY)


async def test_a_run_that_has_not_begun_has_a_page_too(client: httpx.AsyncClient) -> None:
    assert "No node has begun yet." in await text_of(client, f"{PLACE}/executions/aqueued2pp")


async def test_the_page_does_without_what_cannot_be_read(client: httpx.AsyncClient, call: Any) -> None:
    for name in ("GetWorkflow", "GetExecutionData", "ListTaskExecutions"):
        call.answers[name] = NotFound("gone")
    text = await text_of(client, GREEN)
    assert re.findall(r'class="name" href="[^"]*">([^<]*)<', text) == ["n0", "n1", "n2", "n2-0-n0", "n2-0-n1"]


async def test_the_node_page_shows_every_attempt(client: httpx.AsyncClient) -> None:
    text = await text_of(client, f"{RED}/nodes/n1")
    assert text.count('class="pill bad">failed<') == 3
    assert "USER:Recoverable" in text
    assert "/console/logs/flytesnacks/development/ffailed7bzkq2n9/n1/1" in text


async def test_the_page_of_a_nested_node_is_not_called_after_another(client: httpx.AsyncClient) -> None:
    text = await text_of(client, f"{GREEN}/nodes/n2-0-n0")
    assert "<h1>train " in text, "the only name to be had is its task's"
    assert f'href="{PLACE}/task/ml_training.pima_diabetes.diabetes.train/version/{VERSION}"' in text


async def test_the_page_of_a_map_task_shows_its_elements(client: httpx.AsyncClient) -> None:
    text = await text_of(client, f"{BUSY}/nodes/n1")
    elements = text.partition("<h2>Elements")[2].partition("</section>")[0]
    assert "1 succeeded, 1 failed, 1 running" in elements
    assert re.findall(r"<tr><td>(\d+)</td><td><span class=\"pill (\w+)", elements) == [
        ("0", "good"),
        ("1", "bad"),
        ("2", "busy"),
    ]
    assert "/console/logs/flytesnacks/development/arunning4kx/n1-n0-1/0" in elements


async def test_the_execution_page_counts_the_elements_of_a_map_task(client: httpx.AsyncClient) -> None:
    assert "n1 · task · 1 succeeded, 1 failed, 1 running" in await text_of(client, BUSY)


async def test_a_gate_says_what_it_waits_for_and_how_to_answer(client: httpx.AsyncClient) -> None:
    waiting = (await text_of(client, BUSY)).partition("<h2>Waiting</h2>")[2].partition("</section>")[0]
    said = re.findall(r"</a> ([^<]*?)(?: until <time datetime=\"([^\"]*)\".*)?</p>", waiting)
    assert said == [
        ("waits for a value of type list[int]", ""),
        ("waits for an approval", ""),
        ("sleeps", "2026-01-01T00:01:28.500000+00:00"),
    ]
    assert "<h2>Waiting</h2>" in await text_of(client, f"{BUSY}/nodes/n4")
    assert "<h2>Waiting</h2>" not in await text_of(client, f"{BUSY}/nodes/n1")


async def test_what_a_page_says_to_type_is_a_call_of_flytekits_client(client: httpx.AsyncClient) -> None:
    remote = pytest.importorskip("flytekit.remote").FlyteRemote
    text = html.unescape(await text_of(client, BUSY))
    calls = [ast.parse(line).body[0].value for line in re.findall(r"remote\..*\)", text)]  # type: ignore[attr-defined]
    assert [call.func.attr for call in calls] == ["set_input", "approve", "reject"]
    for call in calls:
        values = {keyword.arg: keyword.value.value for keyword in call.keywords if keyword.arg != "value"}
        assert values == {"project": "flytesnacks", "domain": "development"}
        given = {keyword.arg: None for keyword in call.keywords}
        inspect.signature(getattr(remote, call.func.attr)).bind(remote, *call.args, **given)
    assert [argument.value for argument in calls[1].args] == ["is-it's-right", "arunning4kx"]


async def test_a_gate_that_is_answered_waits_no_more(client: httpx.AsyncClient, examples: Any) -> None:
    for found in examples.nodes[("arunning4kx", "")]:
        found.closure.phase = execution_pb2.NodeExecution.SUCCEEDED
    assert "<h2>Waiting</h2>" not in await text_of(client, BUSY)


async def test_a_deck_is_framed_without_our_origin(client: httpx.AsyncClient) -> None:
    text = await text_of(client, f"{GREEN}/nodes/n2-0-n0/deck")
    frame = re.search(r"<iframe[^>]*>", text)
    assert frame
    assert 'sandbox="allow-scripts allow-popups allow-downloads"' in frame[0]
    assert 'src="/signed/my-s3-bucket/metadata/deck.html?expires=1&amp;signature=x"' in frame[0]


async def test_a_value_in_the_bucket_can_be_downloaded(client: httpx.AsyncClient) -> None:
    links = [link for link in links_of(await text_of(client, GREEN)) if "/download?" in link]
    assert len(links) == 2
    answer = await client.get(links[0])
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/signed/my-s3-bucket/flytesnacks/development/AB======/")


async def test_lists_go_on_where_they_were_cut(client: httpx.AsyncClient, call: Any) -> None:
    found = call.answers["ListExecutions"]
    found.token = "25"
    assert 'href="?token=25"' in await text_of(client, PLACE)
    found.token = ""
    assert "Older executions" in await text_of(client, f"{PLACE}?token=25")
    assert [request.token for name, request in call.asked if name == "ListExecutions"] == ["", "25"]


async def test_versions_are_asked_for_by_name_newest_first(client: httpx.AsyncClient, call: Any) -> None:
    await text_of(client, f"{PLACE}/workflows/{WORKFLOW}")
    asked = dict(call.asked)
    assert asked["ListWorkflows"].id.name == WORKFLOW
    assert asked["ListWorkflows"].sort_by.key == "created_at"
    assert asked["ListExecutions"].filters == f"eq(workflow.name,{WORKFLOW})"


async def test_static_files_have_their_types(client: httpx.AsyncClient) -> None:
    for name, kind in (("style.css", "text/css"), ("page.js", "javascript"), ("mark.svg", "image/svg+xml")):
        answer = await client.get(f"/console/static/{name}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]


async def test_children_of_a_dynamic_node_have_the_names_of_their_own_workflow(
    client: httpx.AsyncClient, call: Any, examples: Any
) -> None:
    parent = examples.nodes[("alxq8c2vdrtkp9w4mz7s", "")][3]
    parent.metadata.is_dynamic = True
    answer = node_execution_pb2.NodeExecutionGetDataResponse()
    template = answer.dynamic_workflow.compiled_workflow.primary.template
    template.nodes.add(id="n0").metadata.name = f"wf.map_square_{'0a' * 16}-arraynode"
    template.nodes.add(id="n1").metadata.name = "total"
    call.answers["GetNodeExecutionData"] = answer
    text = await text_of(client, GREEN)
    assert re.findall(r'class="name" href="[^"]*">([^<]*)<', text)[-2:] == ["square", "total"]
