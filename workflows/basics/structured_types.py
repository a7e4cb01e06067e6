"""Structured types: dataclasses and pydantic models, and reaching into them.

Both travel as one value with a schema. A workflow can hand a single attribute on to a task: Flyte itself
takes it out, no task is needed for that.
"""

from dataclasses import dataclass, field

from flytekit import task, workflow
from pydantic import BaseModel


@dataclass
class Layer:
    """Dataclasses may be nested, and have defaults."""

    width: int
    activation: str = "relu"


@dataclass
class Network:
    """A list of layers, and numbers by name."""

    layers: list[Layer]
    rates: dict[str, float] = field(default_factory=lambda: {"learning": 0.1})


class Report(BaseModel):
    """A pydantic model also checks its values, in the task that makes it."""

    widest: int
    activations: list[str]


@task
def design(width: int, depth: int) -> Network:
    """A network of so many layers."""
    return Network([Layer(width // (number + 1)) for number in range(depth)])


@task
def widen(width: int, factor: float) -> int:
    """Gets two attributes of the network, not the network."""
    return round(width * (1 + factor))


@task
def summarise(network: Network, widest: int) -> Report:
    """Gets the whole network."""
    return Report(widest=widest, activations=[layer.activation for layer in network.layers])


@workflow
def structured_types_wf(width: int = 64, depth: int = 2) -> tuple[Network, Report]:
    """Design a network, take out the width of its first layer and a rate, and write a report.

    :param width: of the first layer.
    :param depth: how many layers.
    :return: the network and the report.
    """
    network = design(width=width, depth=depth)
    widest = widen(width=network.layers[0].width, factor=network.rates["learning"])
    return network, summarise(network=network, widest=widest)
