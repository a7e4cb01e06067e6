"""
### Hello, Flyte

One Airflow task launches the smallest workflow that is more than one Flyte task, and waits for it.

**What you should see**: `say_hello` green after a second or two, and on its tab *XCom* a `return_value` of
`{"o0": "Hello, Airflow!"}`. To greet somebody else, press *Trigger* and change `name`.

**Try**: trigger it with a `name` that is a number in quotes, and it is a text all the same: the workflow's
interface says so. Rename the input in this file, and the task fails in one sentence before anything is
launched.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from flyte_provider.operators.flyte import FlyteOperator

with DAG(
    dag_id="hello_flyte",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["flyte", "example"],
    params={"name": "Airflow"},
    doc_md=__doc__,
):
    FlyteOperator(
        task_id="say_hello",
        flyte_conn_id="flyte_conn",
        project="flytesnacks",
        domain="development",
        launchplan_name="basics.hello_world.hello_wf",
        inputs={"name": "{{ params.name }}"},
        # The workflow's outputs instead of the execution's name; a Flyte output without a name is called o0.
        return_value="outputs",
    )
