from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from panops.domain.errors import SourceCorrupt, SourceUnreachable
from panops.evaluation.mot_files import MotTable, find_sequences, read_info, read_sequence, read_table, write_table

INFO = "[Sequence]\nname=yard\nframeRate=14\nseqLength=837\nimWidth=640\nimHeight=480\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "scores", "classes"),
    [
        pytest.param("1,7,10,20,30,40,0.5,-1,-1,-1\n", [0.5], [-1], id="detections"),
        pytest.param("1,7,10,20,30,40,0,8,0.25\n", [0.0], [8], id="ground truth"),
        pytest.param("1 7 10 20 30 40\n2 7 10 20 30 40\n", [1.0, 1.0], [1, 1], id="six columns and spaces"),
        pytest.param("1, 7, 10, 20, 30, 40, 1\n\n", [1.0], [1], id="commas, spaces and an empty line"),
    ],
)
def test_reading(tmp_path: Path, text: str, scores: list[float], classes: list[int]) -> None:
    table = read_table(write(tmp_path / "a.txt", text))
    assert table.track_id.tolist() == [7] * len(scores)
    assert table.xywh[0].tolist() == [10, 20, 30, 40]
    assert table.score.tolist() == scores
    assert table.class_id.tolist() == classes
    assert not table.xywh.flags.writeable


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    assert len(read_table(write(tmp_path / "a.txt", ""))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("1,2,3\n", "at least 6 columns", id="too few columns"),
        pytest.param("1,2,3,4,5,6\n1,2,3\n", "rows of numbers", id="rows of different length"),
        pytest.param("one,2,3,4,5,6\n", "rows of numbers", id="words"),
        pytest.param("nan,2,3,4,5,6\n", "NaN", id="not a number"),
    ],
)
def test_damaged_files_say_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceCorrupt, match=message):
        read_table(write(tmp_path / "a.txt", text))


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreachable, match="there is none"):
        read_table(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(SourceCorrupt, match="as text"):
        read_table(tmp_path / "b.txt")
    with pytest.raises(SourceUnreachable, match="found none"):
        find_sequences(tmp_path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    table = MotTable(
        np.array([1, 3]), np.array([2, 5]), np.array([[1.25, 2, 3, 4], [5, 6, 7, 8.5]]), np.array([0.5, 0.75]), np.ones(2, np.int64)
    )
    write_table(tmp_path / "a.txt", table)
    assert (tmp_path / "a.txt").read_text().splitlines()[0] == "1,2,1.25,2.00,3.00,4.00,0.5000,-1,-1,-1"
    again = read_table(tmp_path / "a.txt")
    for name in ("frame", "track_id", "xywh", "score"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))


def test_rows_by_frame() -> None:
    table = MotTable(np.array([3, 1, 3]), np.arange(3), np.zeros((3, 4)), np.ones(3), np.ones(3, np.int64))
    assert [rows.tolist() for rows in table.by_frame(np.array([1, 2, 3]))] == [[1], [], [0, 2]]
    with pytest.raises(ValueError, match="expected 3 rows"):
        MotTable(np.array([3, 1, 3]), np.arange(2), np.zeros((3, 4)), np.ones(3), np.ones(3, np.int64))


def test_sequences_in_both_layouts(tmp_path: Path) -> None:
    for name, kind in (("flat", "{0}.txt"), ("nested", "{0}/{0}.txt")):
        write(tmp_path / name / "seqinfo.ini", INFO)
        for part in ("gt", "det"):
            write(tmp_path / name / kind.format(part), "1,1,1,1,5,5,1\n")
    folders = find_sequences(tmp_path)
    assert [folder.name for folder in folders] == ["flat", "nested"]
    for folder in folders:
        sequence = read_sequence(folder)
        assert (sequence.info.rate_fps, sequence.info.length, sequence.info.size_wh) == (14.0, 837, (640, 480))
        assert len(sequence.truth) == len(sequence.detections) == 1
    assert find_sequences(folders[0]) == [folders[0]]


@pytest.mark.parametrize("text", ["", "[Other]\n", "[Sequence]\nframeRate=30\n", INFO.replace("14", "fast"), INFO.replace("14", "0")])
def test_a_damaged_description(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceCorrupt, match="frameRate"):
        read_info(write(tmp_path / "seqinfo.ini", text))
