"""The addresses of pages, as the real console has them.

Source: flyteconsole oss-console/src/routes/routes.ts.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode, urlsplit

ROOT = "/console"

KINDS = {"workflow": "Workflow", "task": "Task", "launch_plan": "LaunchPlan"}
"""As they stand in addresses of versions, and in names of RPCs."""

LISTS = {"workflow": "workflows", "task": "tasks", "launch_plan": "launch_plans"}
"""As they stand in addresses of entities; the console also says ``launchPlans``."""


def of(*parts: object, **query: object) -> str:
    path = "/".join((ROOT, *(quote(str(part), safe="") for part in parts)))
    fields = urlencode({name: value for name, value in query.items() if value})
    return f"{path}?{fields}" if fields else path


def place(id: Any, **query: object) -> str:
    """:param id: anything with a project and a domain."""
    return of("projects", id.project, "domains", id.domain, **query)


def execution(id: Any) -> str:
    return of("projects", id.project, "domains", id.domain, "executions", id.name)


def node(id: Any, *more: str) -> str:
    """:param id: a NodeExecutionIdentifier."""
    run = id.execution_id
    return of(
        "projects", run.project, "domains", run.domain, "executions", run.name, "nodes", id.node_id, *more
    )


def entity(kind: str, id: Any) -> str:
    return of("projects", id.project, "domains", id.domain, LISTS[kind], id.name)


def version(kind: str, id: Any) -> str:
    return of("projects", id.project, "domains", id.domain, kind, id.name, "version", id.version)


def download(uri: str) -> str:
    return of("download", uri=uri)


def without_host(url: str) -> str:
    """A signed address as this page's own host serves it, which may be another name than the public one."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def is_link(text: str) -> bool:
    """:return: whether a browser may be sent there from a page; ``javascript:`` and the like may not."""
    is_path = text.startswith("/") and text[1:2] not in ("/", "\\")
    return is_path or urlsplit(text).scheme in ("http", "https")
