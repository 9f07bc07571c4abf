from __future__ import annotations

import numpy as np
import pytest

from panops.domain.detections import Detections


def some(count: int, embedding: bool = False) -> Detections:
    xyxy = np.arange(4 * count, dtype=np.float32).reshape(count, 4)
    extra = np.arange(2 * count, dtype=np.float32).reshape(count, 2) if embedding else None
    return Detections(xyxy, np.linspace(0, 1, count, dtype=np.float32), np.arange(count, dtype=np.int64), embedding=extra)


def test_empty_has_the_right_shapes() -> None:
    empty = Detections.empty()
    assert (len(empty), empty.xyxy.shape, empty.score.dtype, empty.class_id.dtype) == (0, (0, 4), np.float32, np.int64)


def test_select_takes_rows_of_everything() -> None:
    whole = some(4, embedding=True)
    for keep in (np.array([True, False, False, True]), np.array([0, 3])):
        part = whole.select(keep)
        assert part.class_id.tolist() == [0, 3]
        assert part.embedding is not None
        assert part.embedding.tolist() == [[0, 1], [6, 7]]
        assert part.mask is None


def test_concat_joins_in_order_and_keeps_what_all_have() -> None:
    joined = Detections.concat([some(2, embedding=True), Detections.empty(), some(3, embedding=True)])
    assert joined.class_id.tolist() == [0, 1, 0, 1, 2]
    assert joined.embedding is not None
    assert len(joined.embedding) == 5
    assert Detections.concat([some(2, embedding=True), some(3)]).embedding is None
    assert len(Detections.concat([])) == 0


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        some(2).xyxy[0, 0] = 5.0


@pytest.mark.parametrize(
    ("xyxy", "score", "class_id", "embedding"),
    [
        pytest.param((2, 4), (3,), (2,), None, id="scores"),
        pytest.param((2, 5), (2,), (2,), None, id="boxes"),
        pytest.param((2, 4), (2,), (2, 1), None, id="classes"),
        pytest.param((2, 4), (2,), (2,), (3, 8), id="embeddings"),
    ],
)
def test_lengths_that_differ_are_refused(
    xyxy: tuple[int, ...], score: tuple[int, ...], class_id: tuple[int, ...], embedding: tuple[int, ...] | None
) -> None:
    extra = None if embedding is None else np.zeros(embedding, np.float32)
    with pytest.raises(ValueError, match="expected"):
        Detections(np.zeros(xyxy, np.float32), np.zeros(score, np.float32), np.zeros(class_id, np.int64), embedding=extra)


def test_repr_tells_shapes_and_not_contents() -> None:
    assert repr(some(3, embedding=True)) == "Detections(n=3, +embedding)"
