"""Figures of one's own: means over chosen sources and classes, defined in a small YAML file.

For example::

    fixed-camera mean:
      sources: [road-traffic-4]
      classes: [person, car, motorcycle, bus]
    helmets:
      classes: [hardhat, bare_head]
      figure: AP

Each entry is the plain mean of `figure` (AP50 where it is not given) over every pair of its sources and classes; without `sources` over its
classes in all pictures. A class that the model does not have counts 0, for it finds none; if it has none of them, there is no figure.
What the data cannot say is left out of the mean and named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import yaml

from panops.config.yaml_reader import load as load_yaml
from panops.domain.errors import ConfigError, ConfigProblem

if TYPE_CHECKING:
    from panops.evaluation.detection_score import DetectionScore

FigureName = Literal["AP", "AP50", "AP75", "APs", "APm", "APl", "recall"]
_FIGURES = get_args(FigureName)
_KEYS = ("sources", "classes", "figure")


@dataclass(frozen=True, slots=True)
class Definition:
    """What to average.

    Attributes:
        name: What it is called.
        classes: Names of classes.
        sources: Names of sources; empty for all pictures together.
        figure: Which figure.
    """

    name: str
    classes: tuple[str, ...]
    sources: tuple[str, ...] = ()
    figure: str = "AP50"


@dataclass(frozen=True, slots=True)
class SummaryValue:
    """A mean and what stands behind it.

    Attributes:
        definition: What was averaged.
        value: 0 to 1; NaN where there is nothing to average.
        parts: The value of each pair of source (empty: all) and class that is in the mean.
        left_out: Pairs that are not in it, because the data has no box of them.
    """

    definition: Definition
    value: float
    parts: Mapping[tuple[str, str], float]
    left_out: tuple[tuple[str, str], ...]

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "figure": self.definition.figure,
            "value": None if np.isnan(self.value) else self.value,
            "parts": {_pair_name(pair): value for pair, value in self.parts.items()},
            "left_out": [_pair_name(pair) for pair in self.left_out],
        }


def read_definitions(path: Path) -> tuple[Definition, ...]:
    """Read a summary file.

    Raises:
        ConfigError: It cannot be read or has mistakes; all of them are listed.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), [ConfigProblem("", f"cannot read the file: {error.strerror}")]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), [ConfigProblem("", f"not valid YAML: {' '.join(str(error).split())}")]) from error
    if not isinstance(content, Mapping) or not content:
        raise ConfigError(
            str(path), [ConfigProblem("", "expected names with classes to average, for example `people: {classes: [person]}`")]
        )
    problems: list[ConfigProblem] = []
    definitions = tuple(_definition(str(name), entry, problems) for name, entry in content.items())
    if problems:
        raise ConfigError(str(path), problems)
    return definitions


def _definition(name: str, entry: Any, problems: list[ConfigProblem]) -> Definition:
    if not isinstance(entry, Mapping):
        problems.append(ConfigProblem(name, f"expected {', '.join(_KEYS)}; got {type(entry).__name__}"))
        return Definition(name, ())
    problems += [ConfigProblem(f"{name}.{key}", f"is not known; expected one of {', '.join(_KEYS)}") for key in entry if key not in _KEYS]
    lists = {key: entry.get(key, []) for key in ("sources", "classes")}
    for key, value in lists.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or (key == "classes" and not value):
            problems.append(ConfigProblem(f"{name}.{key}", f"expected a list of names, got {value!r}"))
            lists[key] = []
    figure = entry.get("figure", "AP50")
    if figure not in _FIGURES:
        problems.append(ConfigProblem(f"{name}.figure", f"expected one of {', '.join(_FIGURES)}; got {figure!r}"))
    return Definition(name, tuple(lists["classes"]), tuple(lists["sources"]), str(figure))


def summarise(definitions: Sequence[Definition], score: DetectionScore) -> list[SummaryValue]:
    """The means of a whole score."""
    values = {figure: _values(score, figure) for figure in {definition.figure for definition in definitions}}
    return [summarise_values(definition, values[definition.figure], score.cases.only_in_data) for definition in definitions]


def summarise_values(definition: Definition, values: Mapping[tuple[str, str], float], not_in_model: Collection[str] = ()) -> SummaryValue:
    """One mean from plain values, such as those of `ap50_by_source_and_class`.

    Args:
        definition: What to average.
        values: The figure of each source and class that has boxes; the source `""` is all pictures.
        not_in_model: Classes that the data labels and the model does not have.
    """
    pairs = [(source, name) for source in definition.sources or ("",) for name in definition.classes]
    parts = {pair: values[pair] for pair in pairs if pair in values}
    if parts:
        parts.update({pair: 0.0 for pair in pairs if pair[1] in not_in_model})
    left_out = tuple(pair for pair in pairs if pair not in parts)
    return SummaryValue(definition, float(np.mean(list(parts.values()))) if parts else float("nan"), parts, left_out)


def _values(score: DetectionScore, figure: str) -> dict[tuple[str, str], float]:
    found = {**{("", name): figures for name, figures in score.classes.items()}, **score.pairs}
    values = {pair: figures.record()[figure] for pair, figures in found.items()}
    return {pair: float(value) for pair, value in values.items() if value is not None}


def _pair_name(pair: tuple[str, str]) -> str:
    return ": ".join(filter(None, pair))
