"""What an attempt asks of a machine, and what follows from that in each of the three modes. Pure.

Source: flyteplugins pluginmachinery/flytek8s/container_helper.go ``AdjustOrDefaultResource``; flyteadmin
pkg/manager/impl/execution_manager.go ``setCompiledTaskDefaults``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Literal, NamedTuple, TypeAlias

from flyteidl.admin import matchable_resource_pb2
from flyteidl.core import tasks_pb2

from flyte_sandbox.compiler.quantities import parse_quantity, round_up
from flyte_sandbox.runner.machine import Machine

Mode: TypeAlias = Literal["clamp", "enforce", "off"]
Attributes: TypeAlias = matchable_resource_pb2.TaskResourceAttributes
Quantities: TypeAlias = dict[int, Fraction]
"""By ``Resources.ResourceName``; what is missing or 0 was not said."""

_RESOURCES = tasks_pb2.Resources
CPU, MEMORY, GPU = _RESOURCES.CPU, _RESOURCES.MEMORY, _RESOURCES.GPU
_PLATFORM: Quantities = {CPU: Fraction(1, 2), MEMORY: Fraction(1 << 30)}
"""What a task that says nothing gets. Source: the values of the bundled sandbox (cpu 500m, memory 1Gi)."""

_MILLI = 1000


class Claim(NamedTuple):
    """A share of the machine that an attempt holds while it runs; also what there is in all."""

    cpu_millis: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    attempts: int = 0

    def plus(self, other: Claim) -> Claim:
        return Claim(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: Claim) -> Claim:
        return Claim(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def fits(self, free: Claim) -> bool:
        return all(mine <= theirs or not mine for mine, theirs in zip(self, free, strict=True))


NOTHING = Claim()


class Demand(NamedTuple):
    """
    :ivar memory_limit_bytes: what the attempt may use at most.
    """

    cpu_millis: int
    memory_bytes: int
    memory_limit_bytes: int
    gpus: int


def demand_of(
    resources: tasks_pb2.Resources,
    overrides: tasks_pb2.Resources,
    attributes: Attributes | None = None,
) -> Demand:
    """Requests and limits, where they are given; the project's or the platform's where they are not.

    :param overrides: of the node; they replace the task's entry by entry.
    :param attributes: matchable ones of the launch: defaults, and limits that nothing exceeds.
    :raises ValueError: a quantity does not parse.
    """
    attributes = attributes or Attributes()
    requests = _quantities(resources.requests) | _quantities(overrides.requests)
    limits = _quantities(resources.limits) | _quantities(overrides.limits)
    defaults = _PLATFORM | _spec_quantities(attributes.defaults)
    most = _spec_quantities(attributes.limits)
    cpu, _ = _adjusted(CPU, requests, limits, defaults, most)
    memory, memory_limit = _adjusted(MEMORY, requests, limits, defaults, most)
    gpus, _ = _adjusted(GPU, requests, limits, defaults, most)
    return Demand(round_up(cpu * _MILLI), round_up(memory), round_up(memory_limit), round_up(gpus))


def _adjusted(
    name: int, requests: Quantities, limits: Quantities, defaults: Quantities, most: Quantities
) -> tuple[Fraction, Fraction]:
    """:return: the request and the limit; either stands for the other when that is missing."""
    request = requests.get(name) or limits.get(name) or defaults.get(name) or Fraction(0)
    limit = limits.get(name) or request
    if most.get(name):
        limit = min(limit, most[name])
    return min(request, limit), limit


def _quantities(entries: Iterable[tasks_pb2.Resources.ResourceEntry]) -> Quantities:
    return {entry.name: parse_quantity(entry.value) for entry in entries}


def _spec_quantities(spec: matchable_resource_pb2.TaskResourceSpec) -> Quantities:
    texts = {CPU: spec.cpu, MEMORY: spec.memory, GPU: spec.gpu}
    return {name: parse_quantity(text) for name, text in texts.items() if text}


def capacity(machine: Machine, mode: Mode, slots: int) -> Claim:
    """What all attempts together may hold.

    :param slots: how many attempts at once; 0 leaves it to the mode.
    """
    cores = max(1, machine.cpu_millis // _MILLI)
    if mode == "off":
        return Claim(attempts=slots or cores + 1)
    most = slots or cores * _MOST_PER_CORE
    return Claim(machine.cpu_millis, machine.memory_bytes, machine.gpus, most)


_MOST_PER_CORE = 8
"""Attempts at once, however little they ask for: each is a process that imports flytekit."""


def claim_of(demand: Demand, machine: Machine, mode: Mode) -> Claim:
    """What an attempt holds while it runs. No more than there is, so that it comes to its turn."""
    if mode == "off":
        return Claim(attempts=1)
    return Claim(
        min(demand.cpu_millis, machine.cpu_millis),
        min(demand.memory_bytes, machine.memory_bytes),
        min(demand.gpus, machine.gpus),
        1,
    )


def refusal(demand: Demand, machine: Machine) -> str | None:
    """Why the demand can never be met, in the mode that takes it at its word."""
    beyond = [text for text, _ in _beyond(demand, machine)]
    return f"The task asks for more than this machine has: {'; '.join(beyond)}." if beyond else None


def clamping_notes(demand: Demand, machine: Machine) -> list[str]:
    """What the attempt asked for and did not get."""
    return [note for _, note in _beyond(demand, machine)]


def _beyond(demand: Demand, machine: Machine) -> Iterator[tuple[str, str]]:
    """For each kind: what is asked for and what there is; and the sentence of a run that went without."""
    if demand.cpu_millis > machine.cpu_millis:
        asked, there = cpu_text(demand.cpu_millis), cpu_text(machine.cpu_millis)
        note = f"CPU {asked} was requested; the task ran with this machine's {there}."
        yield f"cpu {asked} of {there}", note
    if demand.memory_bytes > machine.memory_bytes:
        asked, there = memory_text(demand.memory_bytes), memory_text(machine.memory_bytes)
        note = f"Memory {asked} was requested; the task ran with this machine's {there}."
        yield f"memory {asked} of {there}", note
    if demand.gpus > machine.gpus:
        without = "without one" if not machine.gpus else f"with this machine's {machine.gpus}"
        asked = "A GPU was" if demand.gpus == 1 else f"{demand.gpus} GPUs were"
        yield f"gpu {demand.gpus} of {machine.gpus}", f"{asked} requested; the task ran {without}."


def waiting_reason(claim: Claim) -> str:
    """What an attempt waits for."""
    parts = [f"cpu {cpu_text(claim.cpu_millis)}", f"memory {memory_text(claim.memory_bytes)}"]
    if claim.gpus:
        parts.append(f"gpu {claim.gpus}")
    return f"Unschedulable: waiting for {', '.join(parts)}"


def cpu_text(millis: int) -> str:
    return str(millis // _MILLI) if millis % _MILLI == 0 else f"{millis}m"


def memory_text(size: int) -> str:
    """In the largest unit that leaves three digits or less, as people write it."""
    value, units = Fraction(size), ["", "Ki", "Mi", "Gi", "Ti"]
    unit = 0
    while value >= 1024 and unit < len(units) - 1:
        value, unit = value / 1024, unit + 1
    return f"{float(value):.3g}{units[unit]}"
