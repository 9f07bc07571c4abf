from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from panops.domain.errors import ConfigError
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.manifest_file import dump_manifest, is_model_name, parse_manifest, read_manifest

GOOD = """\
name: yard
task: detection
head: yolox
licence: MIT
source: {kind: file, location: yard.onnx}
file_name: yard.onnx
sha256: 00000000000000000000000000000000000000000000000000000000000000ab
input_size_wh: [416, 320]
classes: [person, car]
"""

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=20).map(str.strip).filter(bool)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}", fullmatch=True)
sources = st.one_of(
    st.builds(ModelSource, st.sampled_from([SourceKind.URL, SourceKind.FILE, SourceKind.BUILTIN]), texts),
    st.builds(ModelSource, st.sampled_from([SourceKind.WHEEL, SourceKind.SDIST]), texts, texts, st.lists(texts, max_size=3).map(tuple)),
)
manifests = st.builds(
    ModelManifest,
    name=names,
    task=texts,
    head=texts,
    version=texts,
    licence=texts,
    source=sources,
    file_name=names.map(lambda name: f"{name}.onnx"),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    input_size_wh=st.tuples(st.integers(1, 8192), st.integers(1, 8192)),
    classes=st.lists(texts, min_size=1, max_size=5, unique=True).map(tuple),
    preprocessing=st.dictionaries(texts, st.one_of(st.integers(0, 255), st.floats(0, 1), texts), max_size=3),
    accuracy=st.dictionaries(texts, st.floats(0, 1), max_size=2),
    not_for=st.one_of(st.just(""), texts),
    credit=st.one_of(st.just(""), texts),
    threshold=st.one_of(st.none(), st.floats(-1, 1)),
)


@given(manifests)
def test_what_is_written_reads_back_the_same(manifest: ModelManifest) -> None:
    assert parse_manifest(dump_manifest(manifest)) == manifest


def test_tuples_in_the_preprocessing_become_lists() -> None:
    manifest = replace(parse_manifest(GOOD), preprocessing={"mean": (1.0, 2.0, 3.0)})
    assert parse_manifest(dump_manifest(manifest)).preprocessing == {"mean": [1.0, 2.0, 3.0]}


def test_the_least_that_is_needed() -> None:
    manifest = parse_manifest(GOOD)
    assert (manifest.name, manifest.input_size_wh, manifest.classes, manifest.version) == ("yard", (416, 320), ("person", "car"), "")


WRONG = [
    ("name: yard", "name: ../yard", "name: expected letters, digits, _ and -, at most 63, got '../yard'"),
    ("name: yard", "", "name: is missing"),
    ("head: yolox", "head: ", "head: expected a text, got nothing"),
    ("head: yolox", "head: [yolox]", "head: expected a text, got ['yolox']"),
    ("licence: MIT", "licence: '  '", "licence: expected a text"),
    ("licence: MIT", "license: MIT", "license: is not known"),
    ("file_name: yard.onnx", "file_name: ../../etc/passwd", "file_name: expected a plain file name, got '../../etc/passwd'"),
    ("file_name: yard.onnx", "file_name: manifest.yaml", "file_name: cannot be manifest.yaml"),
    ("00000000000000000000000000000000000000000000000000000000000000ab", "abc", "sha256: expected 64 hexadecimal digits"),
    ("input_size_wh: [416, 320]", "input_size_wh: 416", "input_size_wh: expected [width, height]"),
    ("input_size_wh: [416, 320]", "input_size_wh: [416, 0]", "input_size_wh: expected [width, height]"),
    ("input_size_wh: [416, 320]", "input_size_wh: [416, true]", "input_size_wh: expected [width, height]"),
    ("classes: [person, car]", "classes: []", "classes: expected at least one"),
    ("classes: [person, car]", "classes: [person, car, car]", "classes: expected each name once, got more of car"),
    ("classes: [person, car]", "classes: person", "classes: expected a list of class names, got 'person'"),
    ("source: {kind: file, location: yard.onnx}", "source: yard.onnx", "source: expected kind and location"),
    ("kind: file", "kind: ftp", "source.kind: expected one of builtin, wheel, sdist, url, file, got 'ftp'"),
    ("kind: file", "kind: wheel", "source.member: expected a path inside the wheel"),
    ("location: yard.onnx", "where: yard.onnx", "source.where: is not known"),
    ("classes:", "accuracy: {AP: high}\nclasses:", "accuracy.AP: expected a number, got 'high'"),
    ("classes:", "accuracy: {AP: .nan}\nclasses:", "accuracy.AP: expected a number"),
    ("kind: file", "kind: sdist", "source.member: expected a path inside the wheel or archive"),
    ("classes:", "threshold: 1.5\nclasses:", "threshold: expected a similarity from -1 to 1, got 1.5"),
    ("classes:", "threshold: true\nclasses:", "threshold: expected a similarity from -1 to 1, got True"),
    ("classes:", "preprocessing: bgr\nclasses:", "preprocessing: expected a mapping, got 'bgr'"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG, ids=[message[:40] for _, _, message in WRONG])
def test_a_mistake_is_named(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_manifest(GOOD.replace(old, new, 1))
    assert message in str(caught.value)


def test_all_mistakes_come_at_once_with_their_lines() -> None:
    text = GOOD.replace("MIT", "[]").replace("[416, 320]", "[1]").replace("yolox", "''")
    with pytest.raises(ConfigError) as caught:
        parse_manifest(text, "m.yaml")
    assert [(problem.field, problem.line) for problem in caught.value.problems] == [("head", 3), ("licence", 4), ("input_size_wh", 8)]
    assert str(caught.value).startswith("m.yaml: 3 problems")


@pytest.mark.parametrize("text", ["", "[1, 2]", "just words", "a: [1", "\t", "a: 1\n a: 2", "!!python/object:os.system {}"])
def test_what_is_no_manifest(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_manifest(text)


@given(st.text(max_size=200))
def test_any_text_is_refused_or_read(text: str) -> None:
    try:
        parse_manifest(text)
    except ConfigError as error:
        assert error.problems  # noqa: PT017  # both outcomes are fine; a third one is not


@given(
    st.dictionaries(
        st.sampled_from([*yaml.safe_load(GOOD), "source", "accuracy"]),
        st.one_of(st.none(), st.integers(), st.text(), st.lists(st.none())),
        max_size=6,
    )
)
def test_any_values_are_refused_or_read(changes: dict[str, object]) -> None:
    try:
        parse_manifest(yaml.safe_dump({**yaml.safe_load(GOOD), **changes}))
    except ConfigError as error:
        assert all(problem.field for problem in error.problems)  # noqa: PT017  # as above


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the file"):
        read_manifest(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        read_manifest(tmp_path / "bytes.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_100_000)
    with pytest.raises(ConfigError, match="at most"):
        read_manifest(tmp_path / "large.yaml")


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), ("A-1_b", True), ("", False), (".", False), ("..", False), ("a/b", False), ("a" * 64, False), ("a\n", False)],
)
def test_names(name: str, good: bool) -> None:
    assert is_model_name(name) is good


def test_the_example_of_the_docs_is_a_manifest() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "models.md"
    examples = [
        block for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL) if block.startswith("name:")
    ]
    assert [parse_manifest(example).name for example in examples] == ["yard", "hourglass"]
