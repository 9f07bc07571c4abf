"""Recipes: all that is wrong at once, in plain sentences, with lines."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs panops[train]")

from panops.domain.errors import ConfigError
from panops.training.recipe import Recipe, differences, read_recipe, recipe_from, write_recipe

GOOD = {"name": "mine", "classes": ["person"], "data": {"train": ["train.json"]}}


def told(text: str, folder: Path) -> list[str]:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    return [str(problem) for problem in caught.value.problems]


def test_every_problem_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    found = told(
        "name: Mine!\n"
        "clases: [person]\n"
        "classes: []\n"
        "input_px: 100\n"
        "start_classes: 5\n"
        "batch: many\n"
        "activation: gelu\n"
        "data:\n"
        "  train: [$NO_SUCH_VARIABLE/x.json, 5]\n"
        "  mosaik_sources: []\n"
        "augment: {zoom: [1, 2, 3], mosaic: 3, rian: 1}\n"
        "distil: 3\n"
        "tune: {learning_rate: {low: 3, high: 1}, batch: {}}\n",
        tmp_path,
    )
    expected = [
        ("line 1: name: expected a name of small letters", ""),
        ("line 2: clases: no such setting here", "did you mean 'classes'?"),
        ("line 3: classes: expected at least 1", ""),
        ("line 4: input_px: expected a multiple of 32, got 100", ""),
        ("line 5: start_classes: expected a list", ""),
        ("line 6: batch: expected a whole number, got text", ""),
        ("line 7: activation: unknown word", "did you mean 'relu'?"),
        ("line 9: data.train.0: the environment variable in $NO_SUCH_VARIABLE/x.json is not set", ""),
        ("line 9: data.train.1: expected a path", ""),
        ("line 10: data.mosaik_sources: no such setting here", "did you mean 'mosaic_sources'?"),
        ("line 11: augment.zoom: expected two numbers in brackets", ""),
        ("line 11: augment.mosaic: expected at most 1, got 3", ""),
        ("line 11: augment.rian: no such setting here", "did you mean 'rain'?"),
        ("line 12: distil: expected settings", ""),
        ("line 13: tune.learning_rate: expected low < high", ""),
        ("line 13: tune.batch: expected low and high, or choices", ""),
    ]
    assert len(found) == len(expected), found
    for line, (start, inside) in zip(found, expected, strict=True):
        assert line.startswith(start), line
        assert inside in line
    assert not any(word in line for line in found for word in ("Input should", "pydantic", "validation error", "type="))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: [", "not valid YAML"),
        ("- a\n- b\n", "expected a mapping"),
        ("", "expected a mapping"),
        ("{name: x, data: {train: [a]}}", "classes: is required and missing"),
        ("{name: x, classes: [a, b, a], data: {train: [a]}}", "expected each name once, got more of a"),
        ("{name: x, classes: [a], data: {train: [a]}, augment: {zoom: [2, 1]}}", "expected the smaller number first"),
    ],
)
def test_other_faults(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in line for line in told(text, tmp_path))


def test_a_missing_file_and_a_binary_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it cannot be read"):
        read_recipe(tmp_path / "none.yaml")
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(ConfigError, match="no UTF-8 text"):
        read_recipe(tmp_path / "recipe.yaml")


def test_paths_are_relative_to_the_recipe_and_may_name_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_DATA", "/data")
    values = {**GOOD, "start": "old/best.pt", "data": {"train": ["a.json", "$MY_DATA/b.json"], "val": ["../c.yaml#val"]}}
    recipe = recipe_from(values, "recipe", tmp_path)
    assert recipe.start == tmp_path.resolve() / "old/best.pt"
    assert recipe.data.train == [tmp_path.resolve() / "a.json", Path("/data/b.json")]
    assert recipe.data.val == [tmp_path.resolve().parent / "c.yaml#val"]


def test_a_recipe_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    more = {"distil": {"teacher": "t.onnx"}, "augment": {"zoom": [0.5, 2.0]}, "tune": {"seed": {"choices": [1, 2]}}}
    recipe = recipe_from({**GOOD, **more}, "recipe", tmp_path)
    write_recipe(recipe, tmp_path / "other" / "recipe.yaml")
    assert read_recipe(tmp_path / "other" / "recipe.yaml") == recipe


def test_a_checkpoint_of_before_a_new_field_belongs_to_the_same_training(tmp_path: Path) -> None:
    recipe = recipe_from(GOOD, "recipe", tmp_path)
    stored = recipe.model_dump(mode="json")
    del stored["tune"], stored["augment"]["codec"]
    assert differences(recipe, stored) == []
    assert differences(recipe.model_copy(update={"save_every": 5, "patience": 3, "name": "other"}), stored) == []
    assert differences(recipe.model_copy(update={"seed": 9}), stored) == ["seed is 9, was 1"]
    assert differences(recipe, {"nonsense": 1}) == ["it was made by another version of panops"]


def test_steps_round_up() -> None:
    assert Recipe.model_validate({**GOOD, "pictures": 33, "batch": 16}).steps == 3
