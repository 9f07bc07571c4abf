"""How many cameras are held: found by doubling and halving, and confirmed by a longer run. Knows nothing of what it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar


class Outcome(Protocol):
    """What a run came to."""

    @property
    def held(self) -> bool:
        """Whether the cameras were held."""
        ...


Result = TypeVar("Result", bound=Outcome)
Run = Callable[[int, bool], Result]

# The limit is looked for until its two sides are so near, as a share of it.
RESOLUTION = 0.08
# A run that does not hold is done again before it is believed: something else may have had the machine.
_TRIES = 2
# When the longer run does not hold, it is tried with so much less, so many times; then with half, until something holds.
_STEP_DOWN = 0.9
_STEPS = 3
# Where the halves left a wider gap than this, as a share of the limit, longer runs look into it.
_GAP = 0.2


@dataclass(frozen=True, slots=True)
class Limit(Generic[Result]):
    """What was found.

    Attributes:
        cameras: The most that the longer run held; 0 where not even one camera was held.
        confirmed: The longer run itself; None where there was none that held.
        runs: Every run, by the number of its cameras, in the order in which they were made; the longer ones, too.
        reached_the_end: Whether it was as many as were to be tried, so that the limit may lie higher.
    """

    cameras: int
    confirmed: Result | None
    runs: tuple[tuple[int, Result], ...] = field(default=())
    reached_the_end: bool = False


def find_limit(run: Run[Result], first: int = 4, most: int = 400) -> Limit[Result]:
    """Look for the most cameras that are held.

    Args:
        run: Makes a run with so many cameras; True asks for the longer one, which confirms.
        first: How many to begin with.
        most: Never more than these.

    Returns:
        The limit. A run that does not hold counts when a second one with as many cameras does not hold either, so single disturbances
        cost time and not the result; a limit that only luck held is found out by the longer run.

    Raises:
        ValueError: `first` or `most` is no such number.
    """
    if not 1 <= first <= most:
        raise ValueError(f"expected 1 <= first <= most, got first {first} and most {most}")
    runs: list[tuple[int, Result]] = []

    def held(cameras: int, confirms: bool = False) -> bool:
        for _ in range(_TRIES):
            runs.append((cameras, run(cameras, confirms)))
            if runs[-1][1].held:
                return True
        return False

    low, high = _bracket(held, first, most)
    while high - low > max(1, round(RESOLUTION * low)):
        middle = (low + high) // 2
        if held(middle):
            low = middle
        else:
            high = middle
    low = _confirm(lambda cameras: held(cameras, True), low)
    confirmed = next((result for cameras, result in reversed(runs) if cameras == low and result.held), None)
    return Limit(low, confirmed, tuple(runs), low == most)


def _confirm(held: Callable[[int], bool], low: int) -> int:
    """The most, up to `low`, that the longer runs hold; 0 where they hold nothing."""
    high, steps = low + 1, 0
    while low >= 1 and not held(low):
        high, low = low, min(low - 1, int(low * _STEP_DOWN)) if steps < _STEPS else low // 2
        steps += 1
    while low >= 1 and high - low > max(1, round(_GAP * low)):
        middle = (low + high) // 2
        if held(middle):
            low = middle
        else:
            high = middle
    return low


def _bracket(held: Callable[[int], bool], first: int, most: int) -> tuple[int, int]:
    """A number that is held (0 at least) and a greater one that is not, or lies beyond `most`."""
    if held(first):
        low = first
        while low < most:
            more = min(2 * low, most)
            if not held(more):
                return low, more
            low = more
        return most, most + 1
    high = first
    while high > 1:
        less = high // 2
        if held(less):
            return less, high
        high = less
    return 0, 1
