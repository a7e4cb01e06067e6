"""One run of ``program`` as its users run it, by path and isolated, and the source root that it is run on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

ORDERS = """
from flytekit import LaunchPlan, task, workflow
from flytekit.types.file import FlyteFile

from shop.prices import VAT

print("importing orders")

CsvFile = FlyteFile["csv"]

@task
def total(prices: CsvFile, factor: float) -> float:
    return VAT * factor

@task
def double(value: float) -> float:
    return 2 * value

@workflow
def orders_wf(prices: CsvFile, factor: float = 1.0) -> float:
    return double(value=total(prices=prices, factor=factor))

short = LaunchPlan.get_or_create(workflow=orders_wf, name="short_name")
fixed = LaunchPlan.get_or_create(
    workflow=orders_wf, name="fixed_prices", fixed_inputs={"prices": "s3://elsewhere/prices.csv"}
)
"""
DEFAULTS = """
[[file]]
workflow = "shop.orders.orders_wf"
input = "prices"
path = "data/prices.csv"
"""
FILES = {
    "README.md": "Read me.",
    "tests/test_orders.py": "raise RuntimeError('tests are not sources')",
    "shop/__init__.py": "",
    "shop/orders.py": ORDERS,
    "shop/prices.py": "VAT = 1.19\n",
    "shop/launch_plan_defaults.toml": DEFAULTS,
    "shop/data/prices.csv": "1,2\n",
}


@dataclasses.dataclass
class Outcome:
    """What one run of the program gave."""

    code: int
    events: list[dict[str, Any]]
    notes: str

    @property
    def error(self) -> str:
        """The one sentence; its absence fails the test."""
        assert self.code == 1, self.notes
        (message,) = [event["message"] for event in self.events if event["kind"] == "error"]
        assert self.notes.splitlines()[-1] == message
        return str(message)

    @property
    def done(self) -> dict[str, Any]:
        """The last event; anything but success fails the test."""
        assert self.code == 0, self.notes
        assert self.events[-1]["kind"] == "done"
        return self.events[-1]

    @property
    def version(self) -> str:
        return str(self.done["version"])

    def kinds(self) -> set[str]:
        return {event["kind"] for event in self.events}


Register = Callable[..., Outcome]
