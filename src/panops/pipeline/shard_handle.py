"""One shard process as the supervisor sees it: started, talked to, watched, started again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from panops.pipeline.link import LinkClosedError, Message, pack, read_message

log = logging.getLogger(__name__)

_GRACE_S = 0.5
# What waits of a shard after this process slept itself is read for so long at most.
_CATCH_UP_S = 5.0
# Sent by what also looks after the shard's work. Pictures and video come of threads of their own, also where the rest hangs.
_SIGNS_OF_LIFE = frozenset({"ready", "status"})


@dataclass(frozen=True, slots=True)
class HandleSettings:
    """Set by code.

    Attributes:
        start_s: How long a process may take to its first `ready` or `status`: a small machine under load reads its libraries for a while.
        silence_s: A shard that then says neither for so long hangs, whatever else it sends; it is killed and started again.
        first_wait_s: Pause before the first restart; doubled each time, up to `longest_wait_s`.
        longest_wait_s: The longest pause.
        healthy_s: A shard that ran so long starts with `first_wait_s` again.
        drain_s: How long a shard may take to end its events and write its clips.
    """

    start_s: float = 120.0
    silence_s: float = 30.0
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    healthy_s: float = 60.0
    drain_s: float = 20.0


@dataclass(eq=False, slots=True)
class _Question:
    """An order whose answer is waited for: a message that holds all of `expected`, or the end of the process."""

    expected: Message
    answer: Message = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)


class ShardHandle:
    """Keeps one shard process running until `stop`.

    Args:
        index: The shard's number.
        greeting: Makes the messages that a fresh process needs: boot and its cameras.
        on_message: Called on the event loop with each message and its tail.
        on_exit: Called when the process ended unasked, with a sentence why, before it is started again.
        on_greeted: Called when a fresh process has its greeting and takes further messages.
        settings: Waits and limits.
    """

    def __init__(
        self,
        index: int,
        greeting: Callable[[], Awaitable[list[Message]]],
        on_message: Callable[[int, Message, bytes], None],
        on_exit: Callable[[int, str], None],
        on_greeted: Callable[[int], None],
        settings: HandleSettings | None = None,
    ) -> None:
        self.index = index
        self._greeting = greeting
        self._on_message = on_message
        self._on_exit = on_exit
        self._on_greeted = on_greeted
        self._settings = settings or HandleSettings()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._greeted = False
        self._ready = False
        self._question: _Question | None = None
        self.restarts = 0
        self.failed_starts = 0
        """How often in a row its process ended before it was ready."""

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def greeted(self) -> bool:
        """Whether a process runs that takes messages."""
        return self._greeted

    @property
    def ready(self) -> bool:
        """Whether a process runs that has said that it is ready for cameras."""
        return self._greeted and self._ready

    def start(self) -> None:
        """Begin keeping the process alive."""
        self._task = asyncio.create_task(self._keep_alive(), name=f"shard-{self.index}")

    def send(self, message: Message) -> bool:
        """Tell the shard; False when it is down or not greeted yet: the greeting of a fresh process says everything anyway."""
        if not self._greeted or self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(pack(message))
        return True

    async def ask(self, order: Message, expected: Message, within_s: float) -> Message | None:
        """Tell the shard something and wait for its answer; one question at a time.

        Args:
            order: What to tell.
            expected: What its answer holds, among other things.
            within_s: How long to wait.

        Returns:
            The answer, empty when the process ended instead; None when it takes no messages or says nothing in time.
        """
        self._question = question = _Question(expected)
        try:
            if not self.send(order):
                return None
            await asyncio.wait_for(question.done.wait(), within_s)
        except TimeoutError:
            return None
        finally:
            self._question = None
        return question.answer

    async def stop(self) -> None:
        """Ask the shard to drain, wait for it, kill it when it takes too long."""
        self._stopping = True
        self.send({"type": "drain"})
        process = self._process
        if process is not None and process.returncode is None:
            try:
                await asyncio.wait_for(process.wait(), self._settings.drain_s)
            except TimeoutError:
                log.warning("shard %d did not drain within %.0f s and is killed", self.index, self._settings.drain_s)
                self._kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_alive(self) -> None:
        wait_s = self._settings.first_wait_s
        loop = asyncio.get_running_loop()
        while not self._stopping:
            began_s = loop.time()
            try:
                reason = await self._run_once()
            except Exception as error:  # whatever goes wrong with one start, the next one is tried
                log.exception("shard %d could not be kept", self.index)
                reason = f"it could not be set up: {error}"
                await self._ended(reason)
            if self._asked_to_stop():
                return
            if loop.time() - began_s >= self._settings.healthy_s:
                wait_s = self._settings.first_wait_s
            self.restarts += 1
            self.failed_starts = 0 if self._ready else self.failed_starts + 1
            log.error("shard %d: %s; it starts again in %.1f s", self.index, reason, wait_s)
            self._on_exit(self.index, reason)
            if self._question is not None:
                self._question.done.set()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, self._settings.longest_wait_s)

    async def _run_once(self) -> str:
        """Run the process to its end; the reason it ended, in words."""
        self._ready = False
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "panops.pipeline.shard_process", str(theirs.fileno()),
                pass_fds=[theirs.fileno()], stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            return f"its process could not be started: {error.strerror}"
        finally:
            theirs.close()
        self._greeted = False
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            for message in await self._greeting():
                self._writer.write(pack(message))
            self._greeted = True
            if self._asked_to_stop():
                self.send({"type": "drain"})
            self._on_greeted(self.index)
            reason = await self._listen(reader)
        finally:
            self._greeted = False
            self._writer.close()
        return await self._ended(reason)

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        """Pass messages on until the process is gone or hangs; which of the two, in words."""
        loop = asyncio.get_running_loop()
        patience_s, complaint = self._settings.start_s, "it did not start within"
        due_s, gives_up_s = loop.time() + patience_s, math.inf
        while True:
            reading = asyncio.create_task(read_message(reader))
            try:
                await asyncio.wait({reading}, timeout=max(0.0, due_s - loop.time()))
                if loop.time() >= due_s:
                    # This process may have slept itself (SIGSTOP, a paused machine): what came meanwhile is read first.
                    gives_up_s = min(gives_up_s, loop.time() + _CATCH_UP_S)
                    await asyncio.wait({reading}, timeout=_GRACE_S)
                if not reading.done() or loop.time() >= gives_up_s:
                    return f"{complaint} {patience_s:.0f} s"
                message, tail = reading.result()
            except LinkClosedError:
                return "it closed its connection"
            finally:
                reading.cancel()
            if message["type"] in _SIGNS_OF_LIFE:
                patience_s, complaint = self._settings.silence_s, "it did not say how it is for"
                due_s, gives_up_s = loop.time() + patience_s, math.inf
            if message["type"] == "ready":
                self._ready, self.failed_starts = True, 0
            question = self._question
            if question is not None and question.expected.items() <= message.items():
                question.answer = message
                question.done.set()
            try:
                self._on_message(self.index, message, tail)
            except Exception:  # one message that is not understood must not cost the shard its supervision
                log.exception("shard %d sent a message that could not be handled", self.index)

    async def _ended(self, reason: str) -> str:
        process = self._process
        if process is None:
            return reason
        if not self._stopping:
            try:
                await asyncio.wait_for(process.wait(), 2.0)
            except TimeoutError:
                self._kill()
        code = await process.wait()
        if code < 0:
            return f"its process was ended by signal {-code}"
        return f"its process ended with code {code}" if code else reason

    def _asked_to_stop(self) -> bool:
        return self._stopping

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
