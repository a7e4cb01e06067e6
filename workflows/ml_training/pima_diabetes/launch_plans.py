"""The launch plan of this example beside the one that comes with the workflow.

Flyte's tutorial registers this workflow as ``pima_diabetes.…``, while its Airflow Dag asks for
``ml_training.pima_diabetes.…``. Here both names work: the second is the workflow's own launch plan.
"""

from flytekit import LaunchPlan

from ml_training.pima_diabetes.diabetes import diabetes_xgboost_model

short_name = LaunchPlan.get_or_create(
    workflow=diabetes_xgboost_model,
    name="pima_diabetes.diabetes.diabetes_xgboost_model",
)
