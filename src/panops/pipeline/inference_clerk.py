"""Does one order of a program: reads its body, runs the model, writes the answer. Whatever is wrong with it becomes a reply."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from panops.domain.errors import DeviceError, ModelNotFound, ModelUnsupported, PanopsError
from panops.inference.formats import model_format
from panops.inference.oip_answer import wanted_outputs, write_answer
from panops.inference.oip_protobuf import read_protobuf, write_protobuf
from panops.inference.oip_request import read_request
from panops.inference.oip_tensors import InferRequest
from panops.inference.oip_types import RequestUnreadable, described
from panops.inference.tensors import check_inputs
from panops.models.store import ModelStore
from panops.pipeline.body_coding import BodyRefused, decoded, encoded
from panops.pipeline.inference_order import Order, OrderKind, ShownAs, Wording
from panops.pipeline.open_models import OpenModel, OpenModels
from panops.pipeline.picture_answer import look_at
from panops.pipeline.sent_picture import PictureRefused, read_sent_picture

log = logging.getLogger(__name__)

# The first that fits counts, so the special stand before the general.
_STATUS: Mapping[type[PanopsError], int] = {RequestUnreadable: 400, ModelNotFound: 404, DeviceError: 503}

Piece = bytes | NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Done:
    """What came of an order, its body still in pieces; the fields are those of `inference_order.Reply`."""

    status: int
    pieces: Sequence[Piece] = ()
    media_type: str = "application/json"
    header_bytes: int | None = None
    error: str = ""
    model: str = ""
    run_s: float = 0.0
    coding: str = ""


class InferenceClerk:
    """Any thread may give it orders.

    Args:
        store: Where models are.
        models: The open ones.
        most_bytes: How long a body may be that came compressed, unpacked.
    """

    def __init__(self, store: ModelStore, models: OpenModels, most_bytes: int) -> None:
        self._store = store
        self._models = models
        self._most_bytes = most_bytes

    def do(self, order: Order, body: memoryview) -> Done:
        """Do an order; never raises.

        Args:
            order: What is asked.
            body: The request's body; it stays as it is until the call is over.
        """
        try:
            return self._done(order, body)
        except (PictureRefused, BodyRefused) as error:
            return Done(error.status, error=str(error))
        except PanopsError as error:
            status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
            # Only a model that is here may become a label of the metrics.
            return Done(status, error=str(error), model=order.model.partition("@")[0] if status >= 500 else "")
        except Exception as error:
            if isinstance(error, MemoryError):
                return Done(413, error="there is not enough memory for this request; send less at once")
            log.exception("an order of a program failed")
            return Done(500, error="something went wrong with this request; the server's log has the details")

    def _done(self, order: Order, body: memoryview) -> Done:
        if order.kind is OrderKind.LOOK:
            return self._look(order, body)
        if order.kind is OrderKind.INFER:
            return self._infer(order, body)
        return self._metadata(self._models.get(order.model))

    def _metadata(self, model: OpenModel) -> Done:
        stored = model.model
        content = {
            "name": stored.manifest.name,
            "versions": list(self._store.shelf_without_state(stored.manifest.name).places),
            "platform": f"panops_{model_format(stored.path)}",
            "inputs": [described(spec) for spec in model.inputs],
            "outputs": [described(spec) for spec in model.outputs],
        }
        return Done(200, (_json(content),), model=stored.manifest.name)

    def _infer(self, order: Order, body: memoryview) -> Done:
        body = decoded(body, order.coding, self._most_bytes)
        model, request = self._request(order, body)
        name = model.model.manifest.name
        wanted = wanted_outputs(request, model.outputs)
        try:
            check_inputs(name, model.inputs, request.inputs)
        except ModelUnsupported as error:
            return Done(400, error=str(error), model=name)
        began_s = time.monotonic()
        outputs = model.infer(request.inputs)
        run_s = time.monotonic() - began_s
        if order.wording is Wording.PROTOBUF:
            message = write_protobuf(name, model.model.version, request.request_id, outputs, wanted)
            return Done(200, message, "application/grpc", model=name, run_s=run_s)
        answer = write_answer(name, model.model.version, request.request_id, outputs, wanted)
        pieces: Sequence[Piece] = [answer.head, *answer.raw]
        if order.answer_coding:
            pieces = (encoded(pieces, order.answer_coding),)
        media_type, header_bytes = ("application/octet-stream", len(answer.head)) if answer.raw else ("application/json", None)
        return Done(200, pieces, media_type, header_bytes, model=name, run_s=run_s, coding=order.answer_coding)

    def _request(self, order: Order, body: memoryview) -> tuple[OpenModel, InferRequest]:
        """The model that is asked, and what is asked of it."""
        if order.wording is Wording.PROTOBUF:
            asked = read_protobuf(body)
            return self._models.get(asked.reference), asked.request
        return self._models.get(order.model), read_request(body, order.header_bytes)

    def _look(self, order: Order, body: memoryview) -> Done:
        frame = read_sent_picture(body)
        model = self._models.get(order.model)
        manifest = model.model.manifest
        if manifest.task != order.task:
            error = f"{manifest.name} is a model for {manifest.task}, not for {order.task}; choose another one"
            return Done(400, error=error, model=manifest.name)
        seen = look_at(model, frame, order.min_score)
        if order.shown_as is ShownAs.JSON:
            return Done(200, (_json(seen.content()),), model=manifest.name, run_s=seen.run_s)
        body_type, picture = seen.map() if order.shown_as is ShownAs.MAP else seen.drawn()
        return Done(200, (picture,), body_type, model=manifest.name, run_s=seen.run_s)


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
