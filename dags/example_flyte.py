"""
### Train a model in Flyte, launched and awaited by Airflow

`diabetes_predictions` launches a Flyte execution that trains XGBoost on the Pima Indians diabetes table, and
waits for it. `sensor` waits for the same execution; it is done at once, because the operator has waited
already. It is here to show the second way: an execution that something else launched is awaited by a
`FlyteSensor`.

**What you should see**: both tasks green within seconds. On the task `diabetes_predictions`, the button
*Flyte console* opens the execution: four nodes, the outputs `model` and `accuracy`, and a deck with the
confusion matrix. Trigger it again: the same inputs are cached, so the four nodes have nothing to do.

**Try**: mark the running task as failed, and the execution is aborted in Flyte. Terminate the execution in
Flyte, and the task fails with the cause that you gave.
"""

from __future__ import annotations

from datetime import datetime, timezone

from airflow import DAG

from flyte_provider.operators.flyte import FlyteOperator
from flyte_provider.sensors.flyte import FlyteSensor

FLYTE = {"flyte_conn_id": "flyte_conn", "project": "flytesnacks", "domain": "development"}

with DAG(
    dag_id="example_flyte",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["flyte", "example"],
    doc_md=__doc__,
):
    predictions = FlyteOperator(
        task_id="diabetes_predictions",
        launchplan_name="ml_training.pima_diabetes.diabetes.diabetes_xgboost_model",
        inputs={"test_split_ratio": 0.66, "seed": 5},
        **FLYTE,
    )

    # What FlyteOperator returns is the name of its execution; using it makes this task wait for that one.
    FlyteSensor(task_id="sensor", execution_name=predictions.output, **FLYTE)
