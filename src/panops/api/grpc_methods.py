"""The Open Inference Protocol, version 2, over gRPC: the same orders to the same desk as over HTTP.

Messages are handed on as they came and read in the worker, as bodies of HTTP are; only those that name a model and hold nothing else are
read here.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote
from weakref import WeakValueDictionary

import grpc
from google.protobuf.message import DecodeError
from starlette.concurrency import run_in_threadpool

from panops.api.connections import REQUEST_S
from panops.api.inference_service import MOST_BODY_BYTES
from panops.api.open_inference import index_of
from panops.api.problems import UNREADABLE, ProblemError
from panops.api.resolver import AccountResolver
from panops.api.security import Caller
from panops.api.services import Services
from panops.domain.errors import ModelError, StorageError
from panops.inference.oip_messages import SERVICE, messages
from panops.pipeline.inference_order import Order, OrderKind, Wording
from panops.storage.audit import asking_from
from panops.storage.scope import Role

log = logging.getLogger(__name__)

# Nobody says how long a message will be, so while one is read the room of the longest is taken for it. One at a time of each caller.
_MOST_READING = 3
_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}

Method = Callable[[Caller, bytes], Awaitable[bytes]]


class InferenceMethods:
    """What the gRPC server answers.

    Args:
        services: What routes use.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._resolve = AccountResolver(services.accounts, services.settings)
        self._messages = messages()
        self._reading = asyncio.Semaphore(_MOST_READING)
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._methods: dict[str, Method] = {
            "ServerLive": self._server_live,
            "ServerReady": self._server_ready,
            "ServerMetadata": self._server_metadata,
            "ModelReady": self._model_ready,
            "ModelMetadata": self._model_metadata,
            "ModelInfer": self._model_infer,
            "RepositoryIndex": self._repository_index,
        }

    def handler(self) -> Any:
        """All of them, for a server."""
        # As calls with a stream of one message: on the wire that is the same, but nothing is read before it is known who asks.
        handlers = {name: grpc.stream_unary_rpc_method_handler(self._answered(name, method)) for name, method in self._methods.items()}
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def _answered(self, name: str, method: Method) -> Callable[[AsyncIterator[bytes], Any], Awaitable[bytes]]:
        async def answer(requests: AsyncIterator[bytes], context: Any) -> bytes:
            code = grpc.StatusCode.CANCELLED
            try:
                answered = await self._call(method, requests, context)
            except Exception as error:
                problem = _problem(name, error)
                code = _CODES.get(problem.status, grpc.StatusCode.INTERNAL)
                await context.abort(code, problem.detail, tuple((key.lower(), value) for key, value in problem.headers.items()))
                raise  # not reached: `abort` raises
            else:
                code = grpc.StatusCode.OK
                return answered
            finally:
                self._services.inference.counts.called(name, code.name)

        return answer

    async def _call(self, method: Method, requests: AsyncIterator[bytes], context: Any) -> bytes:
        asking_from.set(_address(context.peer()))
        caller = await self._caller(dict(context.invocation_metadata() or ()))
        async with self._message(requests, caller) as message:
            return await method(caller, message)

    async def _caller(self, metadata: dict[str, Any]) -> Caller:
        """Who asks.

        Raises:
            ProblemError: 401, 403: nobody who may.
        """
        kind, _, bearer = str(metadata.get("authorization", "")).partition(" ")
        caller = await run_in_threadpool(self._resolve, bearer.strip(), "token") if kind.lower() == "bearer" else None
        if caller is None:
            raise ProblemError(401, "send a valid bearer token in the metadata, as authorization: Bearer TOKEN")
        if not caller.role.covers(Role.OPERATOR):
            raise ProblemError(403, f"this needs the role operator; {caller.username} has the role {caller.role.value}")
        return caller

    @asynccontextmanager
    async def _message(self, requests: AsyncIterator[bytes], caller: Caller) -> AsyncIterator[bytes]:
        """The call's message, which counts against the room of all bodies until the block is left.

        Raises:
            ProblemError: 408: it is not there in time; 429: there is no room for it now.
        """
        turn = self._turns.setdefault(caller.username, asyncio.Lock())
        with self._services.inference.room() as room:
            try:
                async with asyncio.timeout(REQUEST_S), turn, self._reading:
                    room.be(MOST_BODY_BYTES)
                    message = await anext(requests, None)
            except TimeoutError:
                raise ProblemError(408, f"the message was not here after {REQUEST_S:.0f} s") from None
            if message is None:
                raise ProblemError(400, "the call has no message")
            room.be(len(message))
            yield message

    # --- methods --------------------------------------------------------------------------------------------------------------

    async def _server_live(self, _caller: Caller, _message: bytes) -> bytes:
        return self._written("ServerLiveResponse", live=True)

    async def _server_ready(self, _caller: Caller, _message: bytes) -> bytes:
        _ = self._services.inference.index
        return self._written("ServerReadyResponse", ready=True)

    async def _server_metadata(self, _caller: Caller, _message: bytes) -> bytes:
        return self._written("ServerMetadataResponse", name="panops", version=self._services.settings.version)

    async def _model_ready(self, _caller: Caller, message: bytes) -> bytes:
        try:
            await run_in_threadpool(self._services.inference.index.check, self._reference("ModelReadyRequest", message))
        except ModelError:
            return self._written("ModelReadyResponse", ready=False)
        return self._written("ModelReadyResponse", ready=True)

    async def _model_metadata(self, caller: Caller, message: bytes) -> bytes:
        order = Order(OrderKind.METADATA, self._reference("ModelMetadataRequest", message))
        reply = await self._services.inference.ask(order, (), caller)
        return self._written("ModelMetadataResponse", **json.loads(reply.body))

    async def _model_infer(self, caller: Caller, message: bytes) -> bytes:
        order = Order(OrderKind.INFER, "", wording=Wording.PROTOBUF)
        return (await self._services.inference.ask(order, (message,), caller)).body

    async def _repository_index(self, _caller: Caller, _message: bytes) -> bytes:
        return self._written("RepositoryIndexResponse", models=await run_in_threadpool(index_of, self._services))

    def _reference(self, kind: str, message: bytes) -> str:
        """The model that a request names: `NAME`, or `NAME@VERSION`."""
        try:
            request = self._messages[kind].FromString(message)
        except DecodeError:
            raise ProblemError(400, f"the message is no {kind}") from None
        return f"{request.name}@{request.version}" if request.version else str(request.name)

    def _written(self, kind: str, **fields: Any) -> bytes:
        message: bytes = self._messages[kind](**fields).SerializeToString()
        return message


def _problem(name: str, error: Exception) -> ProblemError:
    """What is told of an error; one that nobody expected goes into the log instead."""
    if isinstance(error, ProblemError):
        return error
    if isinstance(error, StorageError):
        log.error("callers cannot be told apart: %s", error)
        return ProblemError(503, UNREADABLE)
    log.error("the gRPC call %s failed", name, exc_info=error)
    return ProblemError(500, "something went wrong here; the server's log has the details")


def _address(peer: str) -> str:
    """The other end's address, out of what gRPC calls it: `ipv4:127.0.0.1:40000`, `ipv6:%5B::1%5D:40000`."""
    return unquote(peer).partition(":")[2].rpartition(":")[0].strip("[]")
