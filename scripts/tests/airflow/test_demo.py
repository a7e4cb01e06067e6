"""A Dag whose name nobody has written is refused at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflyte import demo
from airflyte.airflow.rest import AirflowApi
from airflyte.errors import AirflyteError

from .conftest import FakeAirflow


def test_a_misspelt_dag_is_told_beside_those_that_are_there(
    airflow: FakeAirflow, api: AirflowApi, tmp_path: Path
) -> None:
    (tmp_path / "hello.py").write_text('dag_id="hello"')
    airflow.answers["GET", "/api/v2/dags/helo"] = 404, {"detail": "no"}
    airflow.answers["GET", "/api/v2/dags?limit=20"] = 200, {"dags": [{"dag_id": "hello"}, {"dag_id": "taxi"}]}
    with pytest.raises(
        AirflyteError, match=r"no Dag helo: no file in dags/ names it\. Airflow knows hello, taxi"
    ):
        demo._refuse_unwritten(tmp_path, api, "helo")


@pytest.mark.parametrize("dag_id", ["hello", "made_by_a_loop_3"])
def test_what_is_written_or_known_is_not_refused(
    airflow: FakeAirflow, api: AirflowApi, tmp_path: Path, dag_id: str
) -> None:
    (tmp_path / "hello.py").write_text('dag_id="hello"')
    airflow.answers["GET", "/api/v2/dags/made_by_a_loop_3"] = 200, {"dag_id": dag_id}
    demo._refuse_unwritten(tmp_path, api, dag_id)
