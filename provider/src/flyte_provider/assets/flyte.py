"""``flyte://host/project/domain/launch-plan``: what a launch plan produces, as an asset.

A task that launches it names the asset as its outlet, a Dag that needs its results as its schedule; an
:class:`~flyte_provider.triggers.flyte.FlyteExecutionEventTrigger` updates it when somebody else launches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from flyte_provider._kinds import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flyte_provider._airflow import Asset, Context

SCHEME = "flyte"


def create_asset(
    *, host: str, project: str, domain: str, launchplan: str, extra: dict[str, Any] | None = None
) -> Asset:
    """
    Return the asset of a launch plan.

    :param host: Flyte's host, with its port where that is not 443, so that two Flytes are two assets
    :param project: The launch plan's project.
    :param domain: The launch plan's domain.
    :param launchplan: The launch plan's name.
    :param extra: What else there is to say of the asset.
    :raises FlyteConfigurationError: naming the part that is missing or cannot be a part of an address
    """
    from flyte_provider._airflow import Asset

    for name, part in (("host", host), ("project", project), ("domain", domain), ("launchplan", launchplan)):
        if not isinstance(part, str) or not part or "/" in part:
            raise refuse(name, part, "a text without slashes")
    return Asset(uri=f"{SCHEME}://{host}/{project}/{domain}/{launchplan}", extra=extra)


def describe_events(context: Context, outlets: Iterable[Any], extra: dict[str, Any]) -> None:
    """Say in the events of those outlets that are ours which execution they come from."""
    events = context.get("outlet_events")
    if events is None:
        return
    for outlet in outlets:
        if str(getattr(outlet, "uri", "")).startswith(f"{SCHEME}://"):
            events[outlet].extra.update(extra)


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Return the address with its host in lower case.

    :raises ValueError: when it is not that of a launch plan
    """
    if uri.netloc == "v1":
        # flyteadmin's addresses of inputs, outputs and decks (source: pkg/common/flyte_url.go).
        raise ValueError(
            f"{uri.geturl()!r} is the address of one execution's data; an asset is "
            "flyte://host/project/domain/launch-plan"
        )
    parts = uri.path.strip("/").split("/")
    if not uri.netloc or len(parts) != 3 or not all(parts):
        raise ValueError(
            f"URI format flyte:// must be flyte://host/project/domain/launch-plan, got {uri.geturl()!r}"
        )
    return uri._replace(netloc=uri.netloc.lower(), path="/" + "/".join(parts))


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Any:
    """Return OpenLineage's data set of an asset: the host is its namespace."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(asset.uri)
    return Dataset(namespace=f"{SCHEME}://{parts.netloc}", name=parts.path.strip("/"))
