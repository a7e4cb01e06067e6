"""Limits, tokens, sort keys and filters of list requests.

Source: flyteadmin pkg/manager/impl/validation/validation.go, pkg/common/sorting.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flyteidl.admin import common_pb2

from flyte_sandbox.db.filters import parse
from flyte_sandbox.db.listing import Page
from flyte_sandbox.errors import InvalidArgument

_MAX_TOKEN_DIGITS = 18
"""More would not fit into the database's numbers."""


def read_page(request: Any, rpc: str, limit_required: bool = True, has_filters: bool = True) -> Page:
    """:param request: a list request with ``limit``, ``token`` and perhaps ``sort_by`` and ``filters``.

    :param rpc: named in the message about a bad token.
    :param has_filters: whether this call heeds the request's filters.
    :raises InvalidArgument: for a missing limit, a bad token or a bad filter.
    """
    if limit_required and request.limit == 0:
        raise InvalidArgument("invalid value for limit")
    has_sort = "sort_by" in request.DESCRIPTOR.fields_by_name and request.HasField("sort_by")
    return Page(
        limit=request.limit,
        offset=_read_token(request.token, rpc),
        filters=parse(getattr(request, "filters", "")) if has_filters else (),
        has_sort=has_sort,
        sort_key=request.sort_by.key if has_sort else "",
        descending=not has_sort or request.sort_by.direction == common_pb2.Sort.DESCENDING,
    )


def _read_token(token: str, rpc: str) -> int:
    if not token:
        return 0
    if not (token.isascii() and token.isdigit()) or len(token) > _MAX_TOKEN_DIGITS:
        raise InvalidArgument(f"invalid pagination token {token} for {rpc}")
    return int(token)


def next_token(page: Page, rows: Sequence[Any]) -> str:
    """Clients ask again until it is empty, so it is empty exactly when this page was not full."""
    return str(page.offset + len(rows)) if page.limit and len(rows) == page.limit else ""
