"""Puts the HTTP side together: what lies under which path, behind one guard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.clock import Clock, SystemClock
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.errors import StartupError
from flyte_sandbox.web import openapi
from flyte_sandbox.web.environments import Environments
from flyte_sandbox.web.gateway import Call, Gateway
from flyte_sandbox.web.pages.logs import Logs
from flyte_sandbox.web.pages.router import Pages
from flyte_sandbox.web.security import Guard
from flyte_sandbox.web.signed import SignedData


def create_app(
    config: SandboxConfig,
    call: Call,
    store: Store,
    signer: Signer,
    logs: Logs,
    port: int | None = None,
    clock: Clock | None = None,
    check_tasks: Callable[[], None] = lambda: None,
) -> Starlette:
    """:param call: answers RPCs for the gateway and the pages, the same function that gRPC calls.

    :param logs: where the log of an attempt lies.
    :param port: the public one; that of ``config`` when None.
    :param check_tasks: raises StartupError unless tasks can be started; may block.
    """
    gateway, signed = Gateway(call), SignedData(store, signer)
    routes = [
        Route("/healthcheck", _healthcheck(check_tasks)),
        Route("/", _to_console),
        Route("/console", _to_console),
        Mount("/console", routes=Pages(call, logs, clock or SystemClock()).routes()),
        Route("/signed/{object:path}", signed.__call__, methods=["GET", "PUT"]),
        Route("/api/v1/openapi", _openapi),
        Route("/sandbox/environments", Environments(config).__call__),
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Guard, config=config, port=config.port if port is None else port)],
    )
    # All else is the API's, also to say that there is no such thing, or that it does not take the verb.
    app.router.default, app.router.redirect_slashes = gateway, False
    return app


def _healthcheck(check_tasks: Callable[[], None]) -> Callable[[Request], Awaitable[Response]]:
    """Empty, as the real one's; with ``?deep=1`` it also says whether a task could be started."""

    async def healthcheck(request: Request) -> Response:
        if "deep" not in request.query_params:
            return Response()
        try:
            await run_in_threadpool(check_tasks)
        except StartupError as exc:
            return JSONResponse({"tasks": "not ready", "message": str(exc)}, 503)
        return JSONResponse({"tasks": "ready"})

    return healthcheck


async def _openapi(_: Request) -> Response:
    return JSONResponse(openapi.document())


async def _to_console(_: Request) -> Response:
    return RedirectResponse("/console/", 302)
