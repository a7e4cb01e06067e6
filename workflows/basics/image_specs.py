"""Images: what a task's container shall hold, said in Python.

A cluster builds a container image of an ``ImageSpec`` with Docker while the code is registered. The sandbox
makes an environment with uv instead, once for each content; docs/user-guide.md says what it leaves out.
What only some images have is imported inside the task. To run it locally, install it yourself.
"""

import os

from flytekit import ImageSpec, task, workflow

tables = ImageSpec(name="basics-tables", packages=["tabulate"], env={"TABLE_FORMAT": "github"})


@task(container_image=tables)
def draw(rows: dict[str, int]) -> str:
    """Uses a package that the default image does not have. A dictionary arrives in no certain order."""
    from tabulate import tabulate

    return tabulate(
        sorted(rows.items()), headers=["city", "trips"], tablefmt=os.environ.get("TABLE_FORMAT", "github")
    )


@workflow
def image_specs_wf(rows: dict[str, int] = {"New York": 12, "Boston": 3}) -> str:  # noqa: B006
    """Draw a table in an image of its own.

    :param rows: trips by city.
    :return: the table as text.
    """
    return draw(rows=rows)
