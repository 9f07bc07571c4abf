"""What is asked of models by programs, and what they are told: the words that API, desk and worker share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Protocol, Self

from panops.domain.errors import PanopsError
from panops.pipeline.model_index import ModelIndex


class OrderKind(StrEnum):
    """What can be asked."""

    METADATA = "metadata"
    INFER = "infer"
    LOOK = "look"
    """At a picture."""


class Wording(StrEnum):
    """How the body of `INFER` is written, and its answer."""

    JSON = "json"
    """With or without raw tensors behind it."""
    PROTOBUF = "protobuf"
    """The messages of gRPC; they name their model themselves."""


class ShownAs(StrEnum):
    """How a look at a picture is answered."""

    JSON = "json"
    PICTURE = "picture"
    """A JPEG with what was found drawn on it."""
    MAP = "map"
    """A PNG of the picture's size whose pixels are class ids; of segmentation only."""


@dataclass(frozen=True, slots=True)
class Order:
    """One request.

    Attributes:
        kind: What is asked.
        model: A name, for its active version, or `NAME@VERSION`; empty where the body names it.
        header_bytes: How long the JSON at the front of the body is; None where there is nothing behind it.
        task: What a picture is looked at for: `detection`, `faces`, `pose`, `hands`, `segmentation` or `classification`; the model must
            be one for that.
        min_score: Of what is found, 0..1.
        shown_as: How a look is answered.
        wording: How a request for tensors is written.
        coding: How the body is compressed, one of `body_coding.CODINGS`; empty for not at all.
        answer_coding: The same of the answer to a request for tensors.
    """

    kind: OrderKind
    model: str
    header_bytes: int | None = None
    task: str = "detection"
    min_score: float = 0.0
    shown_as: ShownAs = ShownAs.JSON
    wording: Wording = Wording.JSON
    coding: str = ""
    answer_coding: str = ""

    def to_wire(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """The same again."""
        return cls(**{**data, "kind": OrderKind(data["kind"]), "wording": Wording(data["wording"]), "shown_as": ShownAs(data["shown_as"])})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of an order.

    Attributes:
        status: An HTTP status: 200; 400 something in the body is wrong, 404 the model is not there, 413 too large, 415 no picture, 500 the
            model cannot be used, 503 its device cannot.
        media_type: Of the body.
        body: The answer; empty where there is an error.
        header_bytes: How long the JSON at the front of the body is, unpacked; None where there is nothing behind it.
        error: One sentence for people; empty where it went well.
        model: The name of the model that answered; empty where none did.
        run_s: Seconds that the model itself took.
        wait_s: Seconds that the order waited for its turn.
        coding: How the body is compressed; empty for not at all.
    """

    status: int
    media_type: str = "application/json"
    body: bytes = field(default=b"", repr=False)
    header_bytes: int | None = None
    error: str = ""
    model: str = ""
    run_s: float = 0.0
    wait_s: float = 0.0
    coding: str = ""


class DeskBusy(PanopsError):
    """There is no room for the order now; the same one is worth another try after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        """Say why, and when to come again."""
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DeskDown(PanopsError):
    """What runs models for programs is gone; the order was lost, or not begun."""


class Desk(Protocol):
    """Where the API takes orders to. All methods but those of `index` are called on the server's event loop."""

    @property
    def index(self) -> ModelIndex:
        """Which models there are; its methods read folders."""
        ...

    async def ask(self, order: Order, body: Sequence[bytes], caller: str) -> Reply:
        """Have an order done.

        Args:
            order: What to do.
            body: The request's body in pieces.
            caller: Who asks: one caller may not have all places.

        Raises:
            DeskBusy: Cameras need the machine, or too many orders wait.
            DeskDown: The process that runs models ended, or cannot be started.
        """
        ...
