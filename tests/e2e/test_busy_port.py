"""A busy port stops ``up`` before anything has started; it says which, who has it, and the two ways out."""

from __future__ import annotations

import os
import socket

from .harness.stack import Stack


def test_a_port_of_another_program_is_named_with_its_holder(second_stack: Stack) -> None:
    port = second_stack.ports["flyte"]

    with socket.create_server(("127.0.0.1", port)):
        tried = second_stack.try_up()
        started = second_stack.processes

    assert tried.code != 0
    assert f"port {port}" in tried.output
    assert f"pid {os.getpid()}" in tried.output
    assert "stop that process" in tried.output
    assert "AIRFLYTE_PORT_OFFSET=" in tried.output
    assert not started
    assert not second_stack.open_ports


def test_a_port_of_another_stack_is_named_with_its_folder(stack: Stack, second_stack: Stack) -> None:
    tried = second_stack.try_up(AIRFLYTE_PORT_OFFSET=str(stack.offset))

    assert tried.code != 0
    assert f"type make down in {stack.checkout.path}" in tried.output
    assert "AIRFLYTE_PORT_OFFSET=" in tried.output
    assert not second_stack.processes
    assert stack.is_ready
