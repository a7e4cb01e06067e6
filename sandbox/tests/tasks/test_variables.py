"""The variables that Flyte gives to a task's process."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from .launching import DOMAIN, PROJECT, Launched, Tasks

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def variables(launched: Launched) -> dict[str, str]:
    assert launched.phase == "SUCCEEDED", launched.error
    found: dict[str, str] = json.loads(launched.log())
    return found


def test_a_task_knows_where_it_is(tasks: Tasks) -> None:
    launched = tasks.python(SHOW, env={"MINE": "1", "FLYTE_ATTEMPT_NUMBER": "9", "_F_L_MIN_SIZE_MB": "3"})
    found = variables(launched)
    task = launched.execution.spec.launch_plan.name
    expected = {
        "MINE": "1",
        "_F_L_MIN_SIZE_MB": "3",
        "FLYTE_ATTEMPT_NUMBER": "0",
        "FLYTE_INTERNAL_EXECUTION_ID": launched.id.name,
        "FLYTE_INTERNAL_EXECUTION_PROJECT": PROJECT,
        "FLYTE_INTERNAL_EXECUTION_DOMAIN": DOMAIN,
        "FLYTE_INTERNAL_EXECUTION_WORKFLOW": f"{PROJECT}:{DOMAIN}:.flytegen.{task}",
        "FLYTE_INTERNAL_TASK_PROJECT": PROJECT,
        "FLYTE_INTERNAL_TASK_DOMAIN": DOMAIN,
        "FLYTE_INTERNAL_TASK_NAME": task,
        "FLYTE_INTERNAL_TASK_VERSION": "v1",
        "FLYTE_PLATFORM_URL": tasks.sandbox.endpoint,
        "FLYTE_PLATFORM_INSECURE": "true",
        "FLYTE_AWS_ACCESS_KEY_ID": "minio",
    }
    assert {name: found[name] for name in expected} == expected
    assert "FLYTE_EXECUTION_URL" not in found


def test_one_that_links_to_its_node_is_told_a_page_that_opens(tasks: Tasks) -> None:
    def linked(template: Any) -> None:
        template.config["link_type"] = "wandb-host"

    url = variables(tasks.python(SHOW, change=linked))["FLYTE_EXECUTION_URL"]
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        assert answer.status == 200
