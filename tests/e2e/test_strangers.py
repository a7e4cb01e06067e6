"""Whoever reaches Flyte can run code, so web pages of others, other names and other users are sent away."""

from __future__ import annotations

import os
import subprocess

import httpx
import pytest

from .harness.stack import Stack

PROJECTS = "/api/v1/projects"
HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Standard library only: the other user cannot read our environments.
ASK = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10) as connection:
    try:
        connection.sendall(sys.argv[2].encode())
        print(connection.recv(1000) or "closed")
    except ConnectionError:
        print("closed")
"""


def test_a_web_page_of_another_origin_is_refused(stack: Stack) -> None:
    for origin in ("https://evil.example", "null", f"http://localhost:{stack.ports['airflow']}"):
        answer = ask(stack, {"Origin": origin})
        assert answer.status_code == 403, origin
        assert "access-control-allow-origin" not in answer.headers


def test_a_form_of_another_page_cannot_send_anything(stack: Stack) -> None:
    url = f"http://localhost:{stack.ports['flyte']}/api/v1/executions"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = httpx.post(url, content=b"{}", headers={"Content-Type": kind}, trust_env=False)
        assert answer.status_code == 415, kind


def test_another_name_for_this_machine_is_refused(stack: Stack) -> None:
    port = stack.ports["flyte"]
    for name in (
        f"evil.example:{port}",
        "localhost",
        f"localhost:{stack.ports['airflow']}",
        "127.0.0.1.nip.io",
    ):
        assert ask(stack, {"Host": name}).status_code == 421, name
    assert ask(stack, {"Host": f"localhost:{port}"}).status_code == 200


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("door", ["flyte", "s3"])
def test_another_user_of_this_machine_is_refused(stack: Stack, door: str) -> None:
    port = stack.ports[door]
    request = f"GET {PROJECTS} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"

    assert ask_as("nobody", port, request) == "closed"
    assert ask_as("nobody", port, HTTP2_PREFACE) == "closed"
    assert "HTTP/1.1" in ask_as("root", port, request)


def ask(stack: Stack, headers: dict[str, str]) -> httpx.Response:
    """Ask Flyte for its projects, as a browser would."""
    return httpx.get(f"http://localhost:{stack.ports['flyte']}{PROJECTS}", headers=headers, trust_env=False)


def ask_as(user: str, port: int, request: str) -> str:
    """Send a request as a user of this machine.

    :return: the beginning of the answer, or "closed".
    """
    command = ["/usr/bin/python3", "-I", "-c", ASK, str(port), request]
    done = subprocess.run(
        command, user=user, extra_groups=[], cwd="/", capture_output=True, text=True, timeout=30, check=True
    )
    return done.stdout.strip()
