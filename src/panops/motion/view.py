"""Does the camera still see what it is there to see? The small picture, every few seconds, against what has been learnt of the view.

Three things are told apart: a lens that is covered (the learnt edges are gone and nothing is in their place), a view that has moved (the
learnt edges are found elsewhere) and a picture that is out of focus (the edges are where they were, but soft). What stands in front of
the camera hides some tiles and moves none; light changes how strong edges are, not where they run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from panops.config.health_schema import HealthConfig
from panops.motion import edges as edge
from panops.motion.movement import movement
from panops.motion.view_memory import ViewMemory

LOOK_S = 2.0
"""How often a picture is looked at, s."""
LEARN_S = 60.0
"""For so long nothing is judged, s."""
_FEWEST_LOOKS = 15
# Noise and passers-by are averaged away over so long; longer learning follows the sun and the seasons.
_NOW_S = 6.0
_LEARNT_S = 1800.0
_DETAIL_S = 600.0
# A pause from which on the pictures before it say nothing of now.
_PAUSE_S = 60.0
# Tiles with fewer edges, or less detail in grey levels, say nothing; with fewer such tiles than this the view cannot be judged.
_FEWEST_EDGES = 0.05
_LEAST_DETAIL = 1.0
_FEWEST_TILES = 8
# Of a tile that fits less than this nothing is left; one that also has less detail than this is plain.
_HIDDEN_FIT = 0.3
_PLAIN_DETAIL = 2.0
_PLAIN_SHARE = 0.4
# So many of the tiles must be hidden and plain; fewer are enough where they stay so for long, for no vehicle stands there for as long.
_COVERED_SHARE = 0.9
_PARTLY_SHARE = 0.6
_PARTLY_S = 300.0
# A movement is looked for when the fit is that much worse than usual; above this nothing has begun to change.
_MISFIT = 0.85
_FITS_WELL = 0.95
# A view in which nothing that was learnt is found at all, though there is something to see, was turned far away.
_GONE_FIT = 0.3
_GONE_SHARE = 0.7
# Who stands in front of a camera leaves some tiles as they were: so many fit so well then.
_IN_PLACE_FIT = 0.6
_IN_PLACE_SHARE = 0.08
_TURNED_S = 120.0
# Detail that has fallen below this share of what is usual at the brightness is soft; most tiles must at least be softer.
_SOFT = 0.5
_SOFTER = 0.7
_SOFT_TILES = 0.8
# What has become softer than this is not learnt as usual.
_SOFTENS = 0.8
_SHARPNESS_LOOKS = 20
# Only tiles with so much detail, grey levels, can tell sharp from soft.
_SHARP_DETAIL = 3.0
_DARK = 24.0
# What is told holds on through so much of the contrary: a hand that is lifted for a second uncovers nothing.
_HOLD_S = 5.0


class ViewKind(StrEnum):
    """What can be wrong with a view."""

    COVERED = "covered"
    MOVED = "moved"
    OUT_OF_FOCUS = "out_of_focus"


@dataclass(frozen=True, slots=True)
class ViewFinding:
    """What is wrong with a view.

    Attributes:
        kind: Covered, moved or out of focus.
        since_s: Since when, capture time, s.
        share: How much of what was learnt is concerned, 0..1 of the tiles.
        shift: How far the view has moved, as shares of the picture's width and height (right and down); (0, 0) where that is not known.
    """

    kind: ViewKind
    since_s: float
    share: float
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class ViewFigures:
    """The last look in numbers.

    Attributes:
        fit: How well the usual tile fits what was learnt, -1..1.
        brightness: Of the whole picture, 0..255.
        sharpness: The usual tile's fine detail by its coarse detail.
        hidden: The share of tiles of which nothing is left.
    """

    fit: float = 0.0
    brightness: float = 0.0
    sharpness: float = 0.0
    hidden: float = 0.0


class ViewWatch:
    """One camera's view. Used by one thread at a time; a look costs about a third of a millisecond, and there is one in two seconds.

    Args:
        config: What is told after how long.
        memory: What was learnt before, from `memory`; None begins anew.
    """

    def __init__(self, config: HealthConfig, memory: ViewMemory | None = None) -> None:
        self._config = config
        self.memory = memory or ViewMemory()
        self.figures = ViewFigures()
        self.finding: ViewFinding | None = None
        """What is wrong now, once it has been so for long enough."""
        self.relearnt = 0
        """How often a moved view has become the learnt one."""
        self._looked_s = self._fitted_s = -math.inf
        self._edges: NDArray[np.float32] | None = None
        self._picture = np.zeros((edge.MIDDLE_WH[1], edge.MIDDLE_WH[0]), np.float32)
        self._suspect: ViewFinding | None = None
        self._suspect_looks = 0
        self._well_since_s: float | None = None
        self._next: ViewMemory | None = None
        self._softens = False
        # Whatever is in front of a camera that has just begun is not the moment to judge it.
        self._looks_here = 0

    @property
    def is_learnt(self) -> bool:
        """Whether enough is known for a judgement."""
        return self.memory.learnt_s >= LEARN_S and self.memory.looks >= _FEWEST_LOOKS

    @property
    def is_well(self) -> bool:
        """Whether the view is known, and the last look found nothing wrong with it."""
        return self.is_learnt and self._suspect is None and self.finding is None and self._looks_here > 2

    def due(self, time_s: float) -> bool:
        """Whether it is time for a look; a time that goes back begins anew."""
        return not 0 <= time_s - self._looked_s < LOOK_S

    def look(self, luma: NDArray[np.uint8], time_s: float) -> ViewFinding | None:
        """Take a picture into account.

        Args:
            luma: Brightness (H, W) uint8; read only.
            time_s: When it was captured, s.

        Returns:
            `finding`: what is wrong with the view now, or None while all is well or too little is known.
        """
        elapsed_s = time_s - self._looked_s
        self._looked_s = time_s
        if not 0 <= elapsed_s <= _PAUSE_S:
            self._edges, self._suspect, elapsed_s = None, None, LOOK_S
        middle = edge.middle_picture(luma)
        self._average(middle, edge.edge_map(edge.small_picture(middle)), elapsed_s)
        self._looks_here += 1
        tiles = _Tiles.of(self._picture)
        if not self.is_learnt:
            self.figures = ViewFigures(brightness=tiles.brightness, sharpness=tiles.usual_sharpness)
            self._learn(tiles, elapsed_s)
            return None
        suspect = self._judge(tiles, time_s) if self._looks_here > 2 else None
        self._settle(suspect, time_s)
        if suspect is None:
            self._learn(tiles, elapsed_s)
        self._relearn(elapsed_s)
        return self.finding

    # --- seeing ---------------------------------------------------------------------------------------------------------------

    def _average(self, middle: NDArray[np.float32], edges: NDArray[np.float32], elapsed_s: float) -> None:
        if self._edges is None:
            self._edges, self._picture = edges, middle.copy()
            return
        weight = 1.0 - math.exp(-elapsed_s / _NOW_S)
        _accumulate(edges, self._edges, weight)
        cv2.accumulateWeighted(middle, self._picture, weight)

    def _judge(self, tiles: _Tiles, time_s: float) -> ViewFinding | None:
        """What seems to be wrong at this look."""
        now, memory = self._edges, self.memory
        useful = (edge.tile_strength(memory.edges) >= _FEWEST_EDGES) & (memory.detail >= _LEAST_DETAIL)
        if now is None or useful.sum() < _FEWEST_TILES:
            self.figures = ViewFigures(brightness=tiles.brightness, sharpness=tiles.usual_sharpness)
            return None
        fit = edge.tile_fit(now, memory.edges)
        hidden = useful & (fit < _HIDDEN_FIT)
        usual_fit, hidden_share = float(np.median(fit[useful])), float(hidden.sum() / useful.sum())
        self.figures = ViewFigures(usual_fit, tiles.brightness, tiles.usual_sharpness, hidden_share)
        plain = hidden & (tiles.detail < np.minimum(_PLAIN_DETAIL, _PLAIN_SHARE * memory.detail))
        plain_share = float(plain.sum() / useful.sum())
        if plain_share >= _PARTLY_SHARE:
            tells = tiles.brightness >= _DARK or self._config.covered_when_dark
            return ViewFinding(ViewKind.COVERED, time_s, plain_share) if tells else None
        if usual_fit >= _FITS_WELL * memory.usual_fit:
            self._fitted_s = time_s
        if usual_fit < _MISFIT * memory.usual_fit:
            moved = self._moved(now, useful, fit, time_s)
            if moved is not None:
                return moved
        return self._soft(tiles, useful, usual_fit, time_s)

    def _moved(self, now: NDArray[np.float32], useful: NDArray[np.bool_], fit: NDArray[np.float32], time_s: float) -> ViewFinding | None:
        """A shift, a turn, or another view altogether; None where what does not fit is only hidden."""
        found = movement(now, self.memory.edges, useful)
        if found is not None:
            return ViewFinding(ViewKind.MOVED, time_s, found.share, (found.right, found.down))
        hidden, in_place = self.figures.hidden, float((fit[useful] >= _IN_PLACE_FIT).mean())
        if hidden >= _GONE_SHARE and in_place <= _IN_PLACE_SHARE and self.figures.fit < _GONE_FIT:
            return ViewFinding(ViewKind.MOVED, time_s, hidden)
        return None

    def _soft(self, tiles: _Tiles, useful: NDArray[np.bool_], usual_fit: float, time_s: float) -> ViewFinding | None:
        """Out of focus: the edges run as they did, and nearly everywhere the fine detail of them is gone."""
        usual, looks = self.memory.usual_sharpness(tiles.brightness)
        sharp = useful & (self.memory.detail >= _SHARP_DETAIL)
        if looks < _SHARPNESS_LOOKS or usual_fit < _HIDDEN_FIT / 2 or sharp.sum() < _FEWEST_TILES:
            return None
        change = np.exp(tiles.sharpness[sharp] - usual[sharp])
        self._softens = float(np.median(change)) < _SOFTENS
        softer = float((change < _SOFTER).mean())
        if float(np.median(change)) >= _SOFT or softer < _SOFT_TILES:
            return None
        return ViewFinding(ViewKind.OUT_OF_FOCUS, time_s, softer)

    # --- telling --------------------------------------------------------------------------------------------------------------

    def _settle(self, suspect: ViewFinding | None, time_s: float) -> None:
        """Tell what has been so for long enough, and end what is over."""
        known = self._suspect
        if suspect is not None and suspect.kind is ViewKind.COVERED and (known is None or known.kind is not suspect.kind):
            # The average lags behind until nothing of the view is left in it: it began when what is there ceased to fit.
            suspect = replace(suspect, since_s=max(self._fitted_s, time_s - 2 * _NOW_S))
        if suspect is not None and known is not None and known.kind is suspect.kind and _alike(known, suspect):
            suspect = replace(suspect, since_s=known.since_s)
            self._suspect_looks += 1
        else:
            self._suspect_looks = 1
        self._suspect = suspect
        if suspect is not None and self._suspect_looks >= 3 and time_s - suspect.since_s >= self._patience_s(suspect):
            if self.finding is None or self.finding.kind is not suspect.kind:
                self._next = None
            self.finding, self._well_since_s = suspect, None
        elif self.finding is not None and (suspect is None or suspect.kind is not self.finding.kind):
            self._well_since_s = time_s if self._well_since_s is None else self._well_since_s
            if time_s - self._well_since_s >= _HOLD_S:
                self.finding = self._well_since_s = self._next = None
        else:
            self._well_since_s = None

    def _patience_s(self, suspect: ViewFinding) -> float:
        """How long a finding must hold; infinity where it is switched off."""
        config = self._config
        wanted_s = {ViewKind.COVERED: config.covered_s, ViewKind.MOVED: config.moved_s, ViewKind.OUT_OF_FOCUS: config.focus_s}[suspect.kind]
        if wanted_s <= 0:
            return math.inf
        if suspect.kind is ViewKind.COVERED and suspect.share < _COVERED_SHARE:
            return max(wanted_s, _PARTLY_S)
        if suspect.kind is ViewKind.MOVED and suspect.shift == (0.0, 0.0):
            return max(wanted_s, _TURNED_S)
        return wanted_s

    # --- learning -------------------------------------------------------------------------------------------------------------

    def _learn(self, tiles: _Tiles, elapsed_s: float) -> None:
        memory = self.memory
        if self._edges is None:
            return
        _follow_edges(memory, self._edges, elapsed_s)
        memory.detail += (tiles.detail - memory.detail) * np.float32(_weight(memory.looks, elapsed_s, _DETAIL_S))
        if not self._softens:
            memory.learn_sharpness(tiles.sharpness, tiles.brightness, 1.0 - math.exp(-elapsed_s / _LEARNT_S))
        if self.is_learnt and self.figures.fit > 0:
            memory.usual_fit += (self.figures.fit - memory.usual_fit) * (1 - math.exp(-elapsed_s / _LEARNT_S))

    def _relearn(self, elapsed_s: float) -> None:
        """A view that has moved and then stays is the view, once it has been told for long enough."""
        finding = self.finding
        if finding is None or finding.kind is not ViewKind.MOVED or self._edges is None or self._config.relearn_s <= 0:
            return
        if self._next is None:
            self._next = ViewMemory()
        _follow_edges(self._next, self._edges, elapsed_s)
        tiles = _Tiles.of(self._picture)
        self._next.detail += (tiles.detail - self._next.detail) * np.float32(_weight(self._next.looks, elapsed_s, _DETAIL_S))
        if self._next.learnt_s >= max(self._config.relearn_s, LEARN_S):
            self.memory, self._next = self._next, None
            self.finding = self._suspect = self._well_since_s = None
            self.relearnt += 1


@dataclass(frozen=True, slots=True, eq=False)
class _Tiles:
    """The averaged picture in numbers: `detail` (6, 10) in grey levels, `sharpness` (6, 10) logarithms, `brightness` 0..255."""

    detail: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    brightness: float

    @classmethod
    def of(cls, picture: NDArray[np.float32]) -> _Tiles:
        fine = edge.tile_means(np.square(picture - cv2.GaussianBlur(picture, (3, 3), 0.8)))
        small = edge.small_picture(picture)
        coarse = edge.tile_means(np.square(small - cv2.GaussianBlur(small, (9, 9), 2.0)))
        # What noise leaves of the average is no detail; it also keeps the ratio of nothing to nothing sane.
        sharpness = 0.5 * np.log((fine + 0.02) / (coarse + 0.3))
        return cls(np.sqrt(coarse), np.asarray(sharpness, dtype=np.float32), float(small.mean()))

    @property
    def usual_sharpness(self) -> float:
        return float(np.exp(np.median(self.sharpness)))


def _weight(looks: int, elapsed_s: float, constant_s: float) -> float:
    """A plain mean at first, then a running one."""
    return max(1.0 / max(looks, 1), 1.0 - math.exp(-elapsed_s / constant_s))


def _follow_edges(memory: ViewMemory, edges: NDArray[np.float32], elapsed_s: float) -> None:
    memory.looks += 1
    memory.learnt_s += elapsed_s
    _accumulate(edges, memory.edges, _weight(memory.looks, elapsed_s, _LEARNT_S))


def _accumulate(edges: NDArray[np.float32], average: NDArray[np.float32], weight: float) -> None:
    for plane, mean in zip(edges, average, strict=True):
        cv2.accumulateWeighted(plane, mean, weight)


def _alike(known: ViewFinding, now: ViewFinding) -> bool:
    """Whether a suspicion goes on: a camera that sways, or is turned by its user, is not where it was a moment ago."""
    far = math.hypot((known.shift[0] - now.shift[0]) * edge.SMALL_WH[0], (known.shift[1] - now.shift[1]) * edge.SMALL_WH[1])
    return now.kind is not ViewKind.MOVED or far < max(
        2.0, 0.3 * math.hypot(now.shift[0] * edge.SMALL_WH[0], now.shift[1] * edge.SMALL_WH[1])
    )
