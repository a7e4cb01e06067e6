"""Which page lies under which address below ``/console``, and what becomes of errors there."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from flyteidl.core import identifier_pb2
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from flyte_sandbox import FLYTE_VERSION, __version__
from flyte_sandbox.clock import Clock
from flyte_sandbox.errors import InvalidArgument, NotFound, SandboxError
from flyte_sandbox.web.gateway import HTTP_STATUS, Call
from flyte_sandbox.web.pages import addresses, logs, words
from flyte_sandbox.web.pages.api import Api, Place, or_none
from flyte_sandbox.web.pages.entities import Entities
from flyte_sandbox.web.pages.rows import elements_text
from flyte_sandbox.web.pages.runs import Runs

_HERE = Path(__file__).parent
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self';"
        " frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "x-frame-options": "SAMEORIGIN",
    "cross-origin-opener-policy": "same-origin",
}
_DOMAIN = "development"
_KINDS = {
    **{spelled: kind for kind, spelled in addresses.LISTS.items()},
    **{kind: kind for kind in addresses.KINDS},
    "launchPlans": "launch_plan",
    "launchPlan": "launch_plan",
}
"""By every word that an address may say for it."""

Page = Callable[[Request], Awaitable[Response]]


class Pages:
    """:param call: where all data comes from, but for the text of logs."""

    def __init__(self, call: Call, find_log: logs.Logs, clock: Clock) -> None:
        self._api = Api(call)
        self._runs = Runs(self._api, clock)
        self._entities = Entities(self._api, clock)
        self._find_log = find_log
        self._templates = _templates()

    def routes(self) -> list[BaseRoute]:
        """The last one takes whatever the real console has and we do not."""
        run = "/projects/{project}/domains/{domain}/executions/{name}"
        node = run + "/nodes/{node_id}"
        pages: list[tuple[str, Page]] = [
            ("/", self._projects),
            ("/projects", self._projects),
            ("/select-project", self._projects),
            ("/projects/{project}/domains/{domain}", self._project),
            ("/projects/{project}/domains/{domain}/executions", self._project),
            (node, self._node),
            (node + "/deck", self._deck),
            (run + "/nodeId/{node_id}/{rest:path}", self._to_node),
            (run, self._execution),
            (run + "/{rest:path}", self._execution),
            ("/projects/{project}/domains/{domain}/{kind}", self._names),
            ("/projects/{project}/domains/{domain}/{kind}/{name}", self._entity),
            ("/projects/{project}/domains/{domain}/{kind}/{name}/version/{version}", self._version),
            ("/projects/{project}/domains/{domain}/{kind}/{name}/{rest:path}", self._entity),
            ("/projects/{project}", self._to_project),
            ("/projects/{project}/{rest:path}", self._to_project),
            ("/logs/{project}/{domain}/{name}/{node_id}/{attempt:int}", self._log),
            ("/download", self._download),
            ("/{rest:path}", self._nothing),
        ]
        static = Mount("/static", StaticFiles(directory=_HERE / "static"))
        return [static, *(Route(path, self._tamed(page), methods=["GET"]) for path, page in pages)]

    def _tamed(self, page: Page) -> Page:
        @functools.wraps(page)
        async def answer(request: Request) -> Response:
            try:
                return await page(request)
            except SandboxError as exc:
                return self._error(request, exc)

        return answer

    def _error(self, request: Request, error: SandboxError) -> Response:
        shown = {"error": error, "params": request.path_params}
        return self._page("message.html", shown, HTTP_STATUS[error.code])

    def _page(self, template: str, shown: dict[str, Any], status: int = 200) -> Response:
        text = self._templates.get_template(template).render(shown)
        return HTMLResponse(text, status, headers=_HEADERS)

    async def _nothing(self, request: Request) -> Response:
        raise NotFound(f"there is no page {request.scope['path']}")

    async def _projects(self, request: Request) -> Response:
        return self._page("projects.html", await self._entities.projects_page())

    async def _to_project(self, request: Request) -> Response:
        """The real console keeps the domain in the query here, and the kind of list in the path."""
        domain = request.query_params.get("domain") or _DOMAIN
        place = Place(request.path_params["project"], domain)
        kind = _KINDS.get(request.path_params.get("rest", ""))
        if kind is None:
            return RedirectResponse(addresses.place(place), 302)
        return RedirectResponse(
            addresses.of("projects", place.project, "domains", domain, addresses.LISTS[kind]), 302
        )

    async def _project(self, request: Request) -> Response:
        place, token = _place(request), request.query_params.get("token", "")
        shown = await self._entities.project_page(place, token)
        return self._page("project.html", {"place": place, "token": token, **shown})

    async def _names(self, request: Request) -> Response:
        place, token = _place(request), request.query_params.get("token", "")
        shown = await self._entities.names_page(_kind(request), place, token)
        return self._page("names.html", {"place": place, **shown})

    async def _entity(self, request: Request) -> Response:
        place, token = _place(request), request.query_params.get("token", "")
        name = request.path_params["name"]
        shown = await self._entities.entity_page(_kind(request), place, name, token)
        return self._page("entity.html", {"place": place, **shown})

    async def _version(self, request: Request) -> Response:
        place, params = _place(request), request.path_params
        shown = await self._entities.version_page(_kind(request), place, params["name"], params["version"])
        return self._page("version.html", {"place": place, **shown})

    async def _execution(self, request: Request) -> Response:
        shown = await self._runs.execution_page(_execution_id(request))
        return self._page("execution.html", {"place": _place(request), **shown})

    async def _to_node(self, request: Request) -> Response:
        return RedirectResponse(addresses.node(_node_id(request)), 302)

    async def _node(self, request: Request) -> Response:
        shown = await self._runs.node_page(_node_id(request))
        return self._page("node.html", {"place": _place(request), **shown})

    async def _deck(self, request: Request) -> Response:
        id = _node_id(request)
        deck = addresses.without_host(await self._api.deck_url(id))
        return self._page("deck.html", {"place": _place(request), "id": id, "deck": deck})

    async def _download(self, request: Request) -> Response:
        url = await self._api.download_url(request.query_params.get("uri", ""))
        return RedirectResponse(addresses.without_host(url), 302)

    async def _log(self, request: Request) -> Response:
        """The page, or with ``?cursor=`` what came after it, or with ``?raw=1`` the file as it is."""
        id, attempt = _node_id(request), request.path_params["attempt"]
        path = await logs.find(self._find_log, id, attempt)
        if "raw" in request.query_params:
            return StreamingResponse(logs.stream(path), media_type="text/plain")
        is_live = await self._is_live(id, attempt)
        if "cursor" in request.query_params:
            piece = logs.read_piece(path, _cursor(request))
            headers = {"x-log-cursor": str(piece.cursor), "x-log-live": str(int(is_live))}
            return PlainTextResponse(piece.text, headers=headers)
        # The elements of a map task have logs, but no page as nodes of their own.
        is_node = await or_none(self._api.node(id)) is not None
        piece = logs.read_tail(path)
        shown = {"id": id, "attempt": attempt, "piece": piece, "is_live": is_live, "is_node": is_node}
        return self._page("log.html", {"place": _place(request), **shown})

    async def _is_live(self, id: identifier_pb2.NodeExecutionIdentifier, attempt: int) -> bool:
        """Asked before the text is read, so that what an attempt says last is not missed."""
        tasks = await or_none(self._api.attempts(id)) or []
        for task in tasks:
            if task.id.retry_attempt == attempt:
                return words.task_phase(task.closure.phase).is_live
        run = await self._api.execution(id.execution_id)
        return words.workflow_phase(run.closure.phase).is_live


def _place(request: Request) -> Place:
    return Place(request.path_params["project"], request.path_params["domain"])


def _kind(request: Request) -> str:
    """:raises NotFound: for a word that means none."""
    word = request.path_params["kind"]
    if word not in _KINDS:
        raise NotFound(f"there is no page {request.scope['path']}")
    return _KINDS[word]


def _execution_id(request: Request) -> identifier_pb2.WorkflowExecutionIdentifier:
    params = request.path_params
    return identifier_pb2.WorkflowExecutionIdentifier(
        project=params["project"], domain=params["domain"], name=params["name"]
    )


def _node_id(request: Request) -> identifier_pb2.NodeExecutionIdentifier:
    return identifier_pb2.NodeExecutionIdentifier(
        node_id=request.path_params["node_id"], execution_id=_execution_id(request)
    )


def _cursor(request: Request) -> int:
    text = request.query_params["cursor"]
    if not text.isdecimal():
        raise InvalidArgument(f"invalid value for cursor: [{text}]")
    return int(text)


def _templates() -> Environment:
    """Everything is escaped; a name that is not there is an error, not an empty place."""
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(to=addresses, version=__version__, flyte_version=FLYTE_VERSION)
    templates.filters.update(duration=words.duration_text, parts=words.error_parts, elements=elements_text)
    templates.tests.update(link=addresses.is_link)
    return templates
