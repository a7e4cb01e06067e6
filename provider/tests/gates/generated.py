"""Writes what follows from the code: ``provider.yaml``, in the shape that Airflow's own providers have, and
the page of parameters. ``python -m provider.tests.gates.generated`` from the repository's root does it.
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import yaml

from flyte_provider._provider_info import VERSION_ADDED, get_provider_info

PROVIDER = Path(__file__).parents[2]
YAML = PROVIDER / "provider.yaml"
PAGE = PROVIDER / "docs" / "parameters.md"

# Pages that say how to do something, in the order in which docs/README.md names them.
GUIDES = ("operator", "sensor", "decorator", "hook", "assets", "approving", "notifier", "retries", "modes")
# When these files were first written, in seconds since 1970: Airflow's tools want a date for builds.
EPOCH = 1795305600

CLASSES = (
    "flyte_provider.operators.flyte.FlyteOperator",
    "flyte_provider.decorators.flyte.flyte_task",
    "flyte_provider.sensors.flyte.FlyteSensor",
    "flyte_provider.hooks.flyte.FlyteHook",
    "flyte_provider.hooks.flyte.FlyteAsyncHook",
    "flyte_provider.triggers.flyte.FlyteExecutionTrigger",
    "flyte_provider.triggers.flyte.FlyteExecutionEventTrigger",
    "flyte_provider.notifications.flyte.FlyteNotifier",
    "flyte_provider.retry.FlyteRetryPolicy",
    "flyte_provider.assets.flyte.create_asset",
)
# May change in a minor version, with a line in the changelog; everything else changes in a major one only.
EXPERIMENTAL = {
    "FlyteOperator": {
        "defer_after",
        "log_progress",
        "on_worker_shutdown",
        "openlineage_inject_parent_job_info",
        "retry_strategy",
        "xcom_max_bytes",
    },
    "FlyteSensor": {"defer_after", "fail_on_abort", "log_progress", "xcom_max_bytes"},
    "FlyteAsyncHook": "all",
    "FlyteExecutionTrigger": "all",
    "FlyteExecutionEventTrigger": "all",
    "FlyteNotifier": "all",
    "FlyteRetryPolicy": "all",
    "create_asset": "all",
}

_YAML_HEAD = """# What Airflow learns of this provider, as Airflow's own providers write it down.
# Generated from the code: python -m provider.tests.gates.generated
---
"""
_PAGE_HEAD = """# Parameters

*Stable* ones keep name, meaning and default until the next major version. *Experimental* ones may change in a
minor version, with a line in the [changelog](../CHANGELOG.md). Generated from the code:
`python -m provider.tests.gates.generated`.
"""


def provider_yaml() -> str:
    """Return the text of ``provider.yaml``."""
    info = get_provider_info()
    for integration in info["integrations"]:
        integration["how-to-guide"] = [f"/docs/{name}.md" for name in GUIDES]
    facts = {
        "package-name": info.pop("package-name"),
        "name": info.pop("name"),
        "description": info.pop("description") + "\n",
        "state": "ready",
        "lifecycle": "production",
        "source-date-epoch": EPOCH,
        "versions": [VERSION_ADDED],
        **info,
    }
    return _YAML_HEAD + yaml.safe_dump(facts, sort_keys=False, width=100, allow_unicode=True)


def parameters_page() -> str:
    """Return the text of the page of parameters."""
    return _PAGE_HEAD + "".join(_section(path) for path in CLASSES)


def _section(path: str) -> str:
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(found).parameters
    described = described_parameters(found)
    rows = [
        f"| `{key}` | {_default(parameter)} | {_stability(name, key)} | {described.get(key, '')} |"
        for key, parameter in parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    ]
    head = [f"\n## {name}", "", f"`{path}`", "", "| parameter | default | | |", "| --- | --- | --- | --- |"]
    return "\n".join([*head, *rows, ""])


def described_parameters(found: Any) -> dict[str, str]:
    """Return what the docstring says of each parameter."""
    text = inspect.getdoc(found) or ""
    pattern = r":param (\w+): (.*?)(?=\n:|\n\n|\Z)"
    return {
        name: " ".join(words.split()).replace("|", "\\|").replace("``", "`")
        for name, words in re.findall(pattern, text, re.DOTALL)
    }


def _default(parameter: inspect.Parameter) -> str:
    return "required" if parameter.default is parameter.empty else f"`{parameter.default!r}`"


def _stability(name: str, parameter: str) -> str:
    experimental = EXPERIMENTAL.get(name, set())
    return "experimental" if experimental == "all" or parameter in experimental else "stable"


if __name__ == "__main__":
    YAML.write_text(provider_yaml())
    PAGE.write_text(parameters_page())
