"""What a page in somebody's browser may not do to us, and what our answers tell a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import flyte_sandbox
from flyte_sandbox.blobs.signing import Signer
from flyte_sandbox.blobs.store import Store
from flyte_sandbox.config import SandboxConfig
from flyte_sandbox.web.app import create_app

PORT = 30080
BASE = f"http://localhost:{PORT}"


@pytest.mark.parametrize(
    "host", [f"localhost:{PORT}", f"127.0.0.1:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"]
)
async def test_our_own_names_are_answered(client: httpx.AsyncClient, host: str) -> None:
    answer = await client.get("/healthcheck", headers={"host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "localhost", "localhost:1", f"localhost.evil:{PORT}", ""]
)
async def test_a_rebound_name_is_misdirected(client: httpx.AsyncClient, call: Any, host: str) -> None:
    for path in ("/healthcheck", "/console/", "/api/v1/projects", "/signed/my-s3-bucket/x"):
        answer = await client.get(path, headers={"host": host})
        assert answer.status_code == 421
    assert call.asked == []


async def _status(
    config: SandboxConfig, tmp_path: Path, call: Any, signer: Signer, **headers: str
) -> httpx.Response:
    app = create_app(config, call, Store(tmp_path / "b"), signer, lambda *_: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE) as client:
        method = "OPTIONS" if "access-control-request-method" in headers else "GET"
        return await client.request(method, "/healthcheck", headers=headers)


@pytest.mark.parametrize(
    ("allowed", "public_url", "host", "status"),
    [
        (("flyte.lan",), "", f"flyte.lan:{PORT}", 200),
        (("flyte.lan",), "", "flyte.lan", 421),
        (("flyte.lan:8443",), "", "flyte.lan:8443", 200),
        ((), "https://flyte.example", "flyte.example", 200),
        ((), "https://flyte.example", "other.example", 421),
    ],
)
async def test_configured_names_are_answered(
    config: SandboxConfig,
    tmp_path: Path,
    call: Any,
    signer: Signer,
    allowed: tuple[str, ...],
    public_url: str,
    host: str,
    status: int,
) -> None:
    config = replace(config, allowed_hosts=allowed, public_url=public_url)
    answer = await _status(config, tmp_path, call, signer, host=host)
    assert answer.status_code == status


async def test_on_port_80_the_name_stands_alone(
    config: SandboxConfig, tmp_path: Path, call: Any, signer: Signer
) -> None:
    answer = await _status(replace(config, port=80), tmp_path, call, signer, host="localhost")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:8080", "http://localhost", "file://"]
)
async def test_a_page_of_another_origin_is_refused(client: httpx.AsyncClient, call: Any, origin: str) -> None:
    for path in ("/api/v1/projects", "/signed/my-s3-bucket/x", "/console/"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await client.request(method, path, headers={"origin": origin})
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
    assert call.asked == []


@pytest.mark.parametrize("origin", [BASE, f"http://127.0.0.1:{PORT}"])
async def test_our_own_pages_may_call(client: httpx.AsyncClient, origin: str) -> None:
    answer = await client.get("/healthcheck", headers={"origin": origin})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_configured_origins_get_cors(
    config: SandboxConfig, tmp_path: Path, call: Any, signer: Signer
) -> None:
    config = replace(config, cors_origins=("http://localhost:3000",))
    origin = {"origin": "http://localhost:3000"}
    answer = await _status(config, tmp_path, call, signer, **origin)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert answer.headers["vary"] == "Origin"
    asking = {**origin, "access-control-request-method": "DELETE"}
    answer = await _status(config, tmp_path, call, signer, **asking)
    assert answer.status_code == 200
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    answer = await _status(config, tmp_path, call, signer, origin="http://localhost:3001")
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "application/jsonp"],
)
async def test_a_body_that_a_form_could_send_is_refused(
    client: httpx.AsyncClient, call: Any, kind: str
) -> None:
    for method in ("POST", "PUT", "DELETE", "GET"):
        answer = await client.request(
            method, "/api/v1/executions", content=b"{}", headers={"content-type": kind}
        )
        assert answer.status_code == 415
    assert call.asked == []


async def test_a_streamed_body_needs_its_type_too(client: httpx.AsyncClient) -> None:
    async def body() -> object:
        yield b"{}"

    answer = await client.post("/api/v1/executions", content=body())
    assert answer.status_code == 415


async def test_every_answer_tells_the_browser_to_trust_nothing(client: httpx.AsyncClient) -> None:
    for path in ("/healthcheck", "/api/v1/projects", "/nothing", "/signed/my-s3-bucket/x"):
        answer = await client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    answer = await client.get("/healthcheck", headers={"host": "evil"})
    assert answer.headers["x-frame-options"] == "DENY"


def test_no_command_goes_through_a_shell() -> None:
    """A name with a semicolon in it would be a command there."""
    sources = Path(flyte_sandbox.__file__).parent.rglob("*.py")
    through_a_shell = re.compile(r"shell\s*=\s*True|os\.(system|popen)\(|create_subprocess_shell")
    assert not [path for path in sources if through_a_shell.search(path.read_text())]
