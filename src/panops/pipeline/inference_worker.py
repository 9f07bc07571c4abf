"""The worker process as the desk sees it: started, talked to, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator
from typing import Self

from panops.pipeline.inference_slots import InferenceSlots
from panops.pipeline.link import LinkClosedError, Message, pack, read_message
from panops.pipeline.sent_picture import MOST_PIXELS

_END_S = 3.0


class InferenceWorker:
    """One process from its start to its end; made by `start`.

    Args:
        process: The process.
        reader: What it says.
        writer: Where it is told.
        slots: The memory that both share.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, slots: InferenceSlots
    ) -> None:
        self.slots = slots
        self._process = process
        self._reader = reader
        self._writer = writer

    @classmethod
    async def start(cls, boot: Message, slots: int, body_bytes: int, answer_bytes: int) -> Self:
        """A fresh process, with `boot` as its first message.

        Raises:
            OSError: The system gives no memory or no process.
        """
        shared, handle = InferenceSlots.make(slots, body_bytes, answer_bytes)
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "panops.pipeline.inference_process", str(theirs.fileno()), str(handle),
                pass_fds=[theirs.fileno(), handle], stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
                # A second limit for pictures, inside the decoder.
                env={**os.environ, "OPENCV_IO_MAX_IMAGE_PIXELS": str(MOST_PIXELS)},
            )  # fmt: skip
        except OSError:
            ours.close()
            shared.close()
            raise
        finally:
            theirs.close()
            os.close(handle)
        reader, writer = await asyncio.open_connection(sock=ours)
        sizes = {"slots": shared.count, "body_bytes": shared.body_bytes, "answer_bytes": shared.answer_bytes}
        worker = cls(process, reader, writer, shared)
        worker.send({**boot, **sizes})
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Tell it something; what a process that is gone does not hear, its end tells."""
        if not self._writer.is_closing():
            self._writer.write(pack(message))

    async def messages(self) -> AsyncIterator[Message]:
        """What it says, until it is gone."""
        with contextlib.suppress(LinkClosedError):
            while True:
                yield (await read_message(self._reader))[0]

    def close(self) -> None:
        """Ask it to end; it does what it has begun."""
        self._writer.close()

    def kill(self) -> None:
        """End it now."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def ended(self) -> str:
        """Wait for its end, for some seconds at most; why it ended, in words."""
        self._writer.close()
        try:
            code = await asyncio.wait_for(self._process.wait(), _END_S)
        except TimeoutError:
            self.kill()
            code = await self._process.wait()
        self.slots.close()
        if code < 0:
            return f"its process was ended by signal {-code}"
        return f"its process ended with code {code}" if code else "its process ended"
