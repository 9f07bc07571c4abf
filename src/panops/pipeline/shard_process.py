"""The program of a shard process; the supervisor starts it with one argument, the number of its socket."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
import threading
from pathlib import Path

import cv2

from panops.domain.errors import PanopsError
from panops.ingest.memory import share_heaps
from panops.pipeline.known_people import KIND
from panops.pipeline.link import LinkClosedError, Message, ShardLink
from panops.pipeline.log_format import set_up_process_logging
from panops.pipeline.shard import Shard
from panops.storage.database import Database
from panops.storage.home import Home

log = logging.getLogger("panops.shard")


def main() -> int:
    """Run until told to drain, or until the supervisor is gone. Exit code 0, or 1 when it cannot start."""
    # The supervisor decides when a shard ends: Ctrl-C in a terminal reaches the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    share_heaps()
    # The gate makes thousands of tiny calls: handing each to OpenCV's own threads costs more than the call.
    cv2.setNumThreads(1)
    link = ShardLink(socket.socket(fileno=int(sys.argv[1])))
    try:
        boot, _ = link.receive()
        set_up_process_logging(f"shard-{int(boot['index'])}")
        home = Home(Path(boot["home"]))
        database = Database.at(home.path).open(check=False)  # the supervisor looked through it already
        shard = Shard(int(boot["index"]), home, database, boot["default_model"], link)
    except LinkClosedError:
        return 0
    except PanopsError as error:
        log.error("the shard cannot start: %s", error)
        link.send({"type": "notice", "topic": "shard", "level": "alarm", "message": str(error)})
        link.close()
        return 1
    shard.start()
    # What is there by now stays: collections need not look through it again.
    gc.collect()
    gc.freeze()
    stop = threading.Event()
    reporter = threading.Thread(target=report_forever, args=(shard, stop), name="report", daemon=True)
    reporter.start()
    link.send({"type": "ready"})
    try:
        _obey(shard, link)
    except LinkClosedError:
        log.warning("the supervisor is gone; this shard ends its events and stops")
    stop.set()
    shard.drain()
    link.close()
    database.close()
    return 0


def report_forever(shard: Shard, stop: threading.Event, every_s: float = 1.0) -> None:
    """Report once a second until `stop` is set; the supervisor takes silence for a hang."""
    while not stop.wait(every_s):
        try:
            shard.known.refresh()
            shard.report()
        except Exception:  # a single report may fail; silence for long means a hang and a restart
            log.exception("the shard's state could not be told")


def _obey(shard: Shard, link: ShardLink) -> None:
    """Do what the supervisor says until it says `drain`."""
    while True:
        message, _ = link.receive()
        if message["type"] == "drain":
            return
        try:
            _do(shard, link, message)
        except Exception:  # one order that fails must not end the cameras that run
            log.exception("the order %r failed", message["type"])


def _do(shard: Shard, link: ShardLink, message: Message) -> None:
    kind = message["type"]
    if kind == "assign":
        shard.assign(message)
    elif kind == "detect":
        shard.detect(message["camera"], on=message["on"])
    elif kind == "drop":
        try:
            shard.drop(message["camera"])
        finally:  # also where something of it could not be tidied up: the supervisor would wait for ever
            link.send({"type": "dropped", "camera": message["camera"], "epoch": message.get("epoch")})
    elif kind == "prepare":
        link.send({"type": "prepared", "camera": message["camera"], "problem": shard.prepare(message)})
    elif kind == "watch":
        shard.watch(message["wishes"], message.get("video", ()))
    elif kind == KIND:
        shard.known.take(message)
    else:
        log.error("the supervisor said %r, which this shard does not know", kind)


if __name__ == "__main__":
    sys.exit(main())
