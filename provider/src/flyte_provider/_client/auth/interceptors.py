"""Puts the token into every RPC, and asks for another one, once, when Flyte refuses it.

gRPC's own call credentials are not used: they start a thread per RPC, and refuse a channel without TLS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from flyte_provider._client.auth.cache import Headers, TokenCache


class _Details(grpc.ClientCallDetails):
    """The details of one RPC with our headers beside its own."""

    def __init__(self, details: Any, headers: Headers) -> None:
        self.method = details.method
        self.timeout = details.timeout
        self.metadata = (*(details.metadata or ()), *headers)
        self.credentials = details.credentials
        self.wait_for_ready = details.wait_for_ready
        self.compression = details.compression


class AuthInterceptor(grpc.UnaryUnaryClientInterceptor):
    """For blocking channels."""

    def __init__(self, tokens: TokenCache) -> None:
        self._tokens = tokens

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        headers = self._tokens.get()
        call = continuation(_Details(details, headers), request)
        if call.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return call
        return continuation(_Details(details, self._tokens.replace(headers)), request)


class AioAuthInterceptor(grpc.aio.UnaryUnaryClientInterceptor):
    """For asynchronous channels; tokens are fetched in a thread."""

    def __init__(self, tokens: TokenCache) -> None:
        self._tokens = tokens

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        headers = self._tokens.peek()
        if headers is None:
            headers = await asyncio.to_thread(self._tokens.get)
        call = await continuation(self._with(details, headers), request)
        if await call.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return call
        headers = await asyncio.to_thread(self._tokens.replace, headers)
        return await continuation(self._with(details, headers), request)

    @staticmethod
    def _with(details: Any, headers: Headers) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *headers)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )
