"""The program of the worker that runs models for programs; the desk starts it with two numbers, of its socket and of the shared memory."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from panops.domain.device import Device
from panops.models.store import ModelStore
from panops.pipeline.giving_way import give_way
from panops.pipeline.inference_clerk import Done, InferenceClerk
from panops.pipeline.inference_link import InferenceLink
from panops.pipeline.inference_order import Order
from panops.pipeline.inference_slots import InferenceSlots
from panops.pipeline.link import LinkClosedError, Message
from panops.pipeline.log_format import set_up_process_logging
from panops.pipeline.open_models import OpenModels
from panops.storage.home import Home

log = logging.getLogger("panops.inference")


def main() -> int:
    """Do orders until the desk closes the connection. Exit code 0."""
    # The desk decides when it ends: Ctrl-C in a terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    set_up_process_logging("inference")
    cv2.setNumThreads(1)
    link = InferenceLink(socket.socket(fileno=int(sys.argv[1])))
    try:
        boot = link.receive()
        give_way(int(boot["nice"]))
        slots = InferenceSlots(int(sys.argv[2]), boot["slots"], boot["body_bytes"], boot["answer_bytes"])
        home, device = Home(Path(boot["home"])), Device.parse(boot["device"])
        store = ModelStore(home.models)
        models = OpenModels(
            store,
            device,
            home.engines,
            opening=lambda model: link.send({"type": "opening", "model": model}),
            opened=lambda model: link.send({"type": "opened", "model": model}),
        )
        worker = Worker(link, slots, InferenceClerk(store, models, int(boot["most_bytes"])))
        link.send({"type": "ready"})
        # On a CPU one thread does one order after the other; a device wants several at once, to make batches of.
        worker.run(slots.count if device.batches else 0)
        models.close()
    except LinkClosedError:
        return 0
    link.close()
    return 0


class Worker:
    """Takes orders from the link, has them done, and puts the answers into their places.

    Args:
        link: To the desk.
        slots: The shared memory.
        clerk: Who does the orders.
    """

    def __init__(self, link: InferenceLink, slots: InferenceSlots, clerk: InferenceClerk) -> None:
        self._link = link
        self._slots = slots
        self._clerk = clerk

    def run(self, threads: int) -> None:
        """Work until the desk is gone; with no further threads each order is done before the next one is read."""
        with ThreadPoolExecutor(max(1, threads), thread_name_prefix="order") as pool:
            while True:
                try:
                    message = self._link.receive()
                except LinkClosedError:
                    return
                if threads:
                    pool.submit(self.do, message)
                else:
                    self.do(message)

    def do(self, message: Message) -> None:
        """Do one order and tell the desk."""
        slot, start = message["slot"], message["start"]
        body = self._slots.body(slot)[start : start + message["length"]]
        done = self._clerk.do(Order.from_wire(message["order"]), body)
        length = self._put(slot, done)
        if length < 0:
            room = self._slots.answer_bytes
            done, length = Done(413, error=f"the answer is longer than {room} bytes; send less at once", model=done.model), 0
        answer = {
            "type": "answer", "id": message["id"], "status": done.status, "length": length, "media_type": done.media_type,
            "header_bytes": done.header_bytes, "error": done.error, "model": done.model, "run_s": done.run_s, "coding": done.coding,
        }  # fmt: skip
        self._link.send(answer)

    def _put(self, slot: int, done: Done) -> int:
        """Write an answer into its place; how long it is, or -1 where it is longer than the place."""
        room, at = self._slots.answer(slot), 0
        for piece in done.pieces:
            raw = np.frombuffer(piece, np.uint8) if isinstance(piece, bytes) else piece.reshape(-1).view(np.uint8)
            data = memoryview(raw.data)
            if at + len(data) > len(room):
                return -1
            room[at : at + len(data)] = data
            at += len(data)
        return at


if __name__ == "__main__":
    sys.exit(main())
