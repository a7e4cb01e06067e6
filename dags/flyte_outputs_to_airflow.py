"""
### What Flyte computed, in an Airflow task

`train` launches the pima workflow and returns its outputs; `judge` is an ordinary Airflow task that gets one
of them, the accuracy, as a float.

**What you should see**: both tasks green, and in the log of `judge` a line like
`An accuracy of 74.75 % is above that of guessing (65.10 %).` On the tab *XCom* of `train` there are
`accuracy`, and `model` as the address where Flyte keeps the file: large things stay in Flyte, and Airflow
passes their address.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone

from airflow import DAG

from flyte_provider.operators.flyte import FlyteOperator

try:
    from airflow.sdk import task
except ImportError:  # Airflow 2
    from airflow.decorators import task

# 500 of the 768 patients have no diabetes.
GUESSING = 500 / 768

log = logging.getLogger(__name__)

with DAG(
    dag_id="flyte_outputs_to_airflow",
    schedule=None,
    start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    tags=["flyte", "example"],
    doc_md=__doc__,
):
    train = FlyteOperator(
        task_id="train",
        flyte_conn_id="flyte_conn",
        project="flytesnacks",
        domain="development",
        launchplan_name="ml_training.pima_diabetes.diabetes.diabetes_xgboost_model",
        inputs={"seed": 7},
        # Each of the workflow's outputs becomes an XCom of its own.
        return_value="outputs",
        multiple_outputs=True,
    )

    @task
    def judge(accuracy: float) -> bool:
        """Say whether the model is better than guessing.

        :param accuracy: the share of right predictions, from 0 to 1.
        """
        is_better = accuracy > GUESSING
        comparison = "above" if is_better else "not above"
        log.info(
            "An accuracy of %.2f %% is %s that of guessing (%.2f %%).",
            100 * accuracy,
            comparison,
            100 * GUESSING,
        )
        return is_better

    judge(train.output["accuracy"])
