"""What tasks ask for, and what a machine makes of it in each mode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from flyteidl.admin import matchable_resource_pb2
from flyteidl.core import tasks_pb2

from flyte_sandbox.engine.resources.claims import (
    Attributes,
    Claim,
    Demand,
    capacity,
    claim_of,
    clamping_notes,
    demand_of,
    memory_text,
    refusal,
    waiting_reason,
)
from flyte_sandbox.runner.machine import Machine

MI, GI = 1 << 20, 1 << 30
LAPTOP = Machine(cpu_millis=2000, memory_bytes=8 * GI, gpus=0)
_NAMES = {"cpu": tasks_pb2.Resources.CPU, "mem": tasks_pb2.Resources.MEMORY, "gpu": tasks_pb2.Resources.GPU}


def asked(requests: Mapping[str, str] = {}, limits: Mapping[str, str] = {}) -> tasks_pb2.Resources:
    entry = tasks_pb2.Resources.ResourceEntry
    return tasks_pb2.Resources(
        requests=[entry(name=_NAMES[name], value=value) for name, value in requests.items()],
        limits=[entry(name=_NAMES[name], value=value) for name, value in limits.items()],
    )


def attributes(defaults: Mapping[str, str] = {}, limits: Mapping[str, str] = {}) -> Attributes:
    spec = matchable_resource_pb2.TaskResourceSpec
    return Attributes(defaults=spec(**defaults), limits=spec(**limits))


@pytest.mark.parametrize(
    ("task", "node", "project", "expected"),
    [
        (asked(), asked(), None, Demand(500, GI, GI, 0)),
        (asked({"cpu": "2", "mem": "500Mi"}), asked(), None, Demand(2000, 500 * MI, 500 * MI, 0)),
        # A limit stands for a request that is missing, and the other way round.
        (asked(limits={"cpu": "1500m", "mem": "2Gi"}), asked(), None, Demand(1500, 2 * GI, 2 * GI, 0)),
        (asked({"mem": "1Gi"}, {"mem": "2Gi"}), asked(), None, Demand(500, GI, 2 * GI, 0)),
        # A node's overrides replace entry by entry.
        (asked({"cpu": "1", "mem": "1Gi"}), asked({"cpu": "4"}), None, Demand(4000, GI, GI, 0)),
        (asked({"gpu": "1"}, {"gpu": "1"}), asked({"gpu": "2"}, {"gpu": "2"}), None, Demand(500, GI, GI, 2)),
        # Defaults of the project; its limits cap requests too.
        (asked(), asked(), attributes({"cpu": "100m", "memory": "64Mi"}), Demand(100, 64 * MI, 64 * MI, 0)),
        (
            asked({"cpu": "8", "mem": "3Gi"}),
            asked(),
            attributes(limits={"cpu": "4", "memory": "2Gi"}),
            Demand(4000, 2 * GI, 2 * GI, 0),
        ),
        # Zero is nothing, as in Kubernetes' arithmetic.
        (asked({"cpu": "0", "mem": "0"}), asked(), None, Demand(500, GI, GI, 0)),
        (asked({"cpu": "0.0001"}), asked(), None, Demand(1, GI, GI, 0)),
    ],
)
def test_requests_limits_overrides_and_defaults(task, node, project, expected):
    assert demand_of(task, node, project) == expected


def test_a_quantity_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="quantities must match"):
        demand_of(asked(), asked({"mem": "lots"}))


def test_what_is_beyond_the_machine_is_clamped_and_noted():
    demand = demand_of(asked({"cpu": "16", "mem": "64Gi", "gpu": "1"}), asked())
    assert claim_of(demand, LAPTOP, "clamp") == Claim(2000, 8 * GI, 0, 1)
    assert clamping_notes(demand, LAPTOP) == [
        "CPU 16 was requested; the task ran with this machine's 2.",
        "Memory 64Gi was requested; the task ran with this machine's 8Gi.",
        "A GPU was requested; the task ran without one.",
    ]
    assert refusal(demand, LAPTOP) == (
        "The task asks for more than this machine has: cpu 16 of 2; memory 64Gi of 8Gi; gpu 1 of 0."
    )


def test_more_gpus_than_there_are():
    demand, machine = demand_of(asked({"gpu": "4"}), asked()), replace(LAPTOP, gpus=1)
    assert clamping_notes(demand, machine) == ["4 GPUs were requested; the task ran with this machine's 1."]


def test_what_fits_is_neither_noted_nor_refused():
    demand = demand_of(asked({"cpu": "2", "mem": "8Gi"}), asked())
    assert (clamping_notes(demand, LAPTOP), refusal(demand, LAPTOP)) == ([], None)


def test_off_counts_attempts_only():
    demand = demand_of(asked({"cpu": "16"}), asked())
    assert claim_of(demand, LAPTOP, "off") == Claim(attempts=1)
    assert capacity(LAPTOP, "off", 0) == Claim(attempts=3)
    assert capacity(LAPTOP, "off", 7) == Claim(attempts=7)


def test_a_number_of_slots_holds_in_every_mode():
    assert capacity(LAPTOP, "clamp", 1) == Claim(2000, 8 * GI, 0, 1)
    assert capacity(LAPTOP, "enforce", 0) == Claim(2000, 8 * GI, 0, 16)
    assert capacity(Machine(300, GI, 0), "clamp", 0).attempts == 8


def test_who_waits_is_told_for_what():
    claim = Claim(1500, 2 * GI, 1, 1)
    assert waiting_reason(claim) == "Unschedulable: waiting for cpu 1500m, memory 2Gi, gpu 1"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0"), (1000, "1e+03"), (MI, "1Mi"), (1536 * MI, "1.5Gi"), (25_165_824_000, "23.4Gi")],
)
def test_memory_as_people_write_it(size, text):
    assert memory_text(size) == text
