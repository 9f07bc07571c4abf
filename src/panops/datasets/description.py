"""`dataset.yaml`: several label files as the splits of one data set, with what their formats cannot say.

::

    sets:
      train:
        labels: train.json              # COCO file, YOLO yaml or folder, VOC folder; relative to this file
        mosaic_sources: [site-exports]  # all their pictures are mosaics already; [""] is the source of pictures without one
      val: val.json                     # short for {labels: val.json}
      own:
        labels: own/
        source: our cameras             # for pictures that have none
        labelled: [car, person]         # only these classes were looked for
        group_pattern: "^(cam[0-9]+)_"  # the first bracket, found in the file's name, is the camera or scene
        rider_in_box: true              # two-wheelers' boxes enclose their riders
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from panops.datasets.picture_finder import is_there
from panops.datasets.problems import ProblemLog
from panops.datasets.text_file import read_text, yaml_of
from panops.domain.errors import ConfigError, ConfigProblem
from panops.domain.labels import DetectionSet, LabelledPicture

_KEYS = ("labels", "mosaic_sources", "source", "labelled", "group_pattern", "rider_in_box")


@dataclass(frozen=True, slots=True)
class SetDescription:
    """What a description says of one split; see the module.

    Attributes:
        labels: The label file or folder.
        mosaic_sources: Sources whose pictures are mosaics.
        source: For pictures without one.
        labelled: The classes that were looked for; None leaves what the labels say.
        group_pattern: Finds the group in a file name; for pictures without a group.
        rider_in_box: Whether two-wheelers' boxes enclose their riders; None leaves what the labels say.
    """

    labels: Path
    mosaic_sources: frozenset[str] = frozenset()
    source: str = ""
    labelled: tuple[str, ...] | None = None
    group_pattern: re.Pattern[str] | None = None
    rider_in_box: bool | None = None

    def applied(self, dataset: DetectionSet, log: ProblemLog, file: Path) -> DetectionSet:
        """The set with what the description adds; classes it names and the set has not are told."""
        labelled = None
        if self.labelled is not None:
            for name in sorted(set(self.labelled) - set(dataset.classes)):
                log.add("unknown_category", file, f"`labelled` names {name}, which is no class of {self.labels.name}", "mended", "labelled")
            labelled = np.array([name in self.labelled for name in dataset.classes], bool)
        pictures = []
        for picture in dataset.pictures:
            source = picture.source or self.source
            pictures.append(
                replace(
                    picture,
                    source=source,
                    group=picture.group or self._group(picture),
                    labelled=picture.labelled if labelled is None else labelled.copy(),
                    rider_in_box=picture.rider_in_box if self.rider_in_box is None else self.rider_in_box,
                    mosaic=picture.mosaic or source in self.mosaic_sources,
                )
            )
        return replace(dataset, pictures=tuple(pictures))

    def _group(self, picture: LabelledPicture) -> str:
        found = self.group_pattern.search(picture.path.name) if self.group_pattern is not None else None
        return (found.group(1) or "") if found is not None else ""


def read_description(path: Path) -> dict[str, SetDescription]:
    """Read a `dataset.yaml`.

    Returns:
        The description of each split, in the file's order.

    Raises:
        ConfigError: It is not such a file; all faults at once.
    """
    log = ProblemLog()
    text = read_text(path, log)
    try:
        content = yaml_of(text or "")
    except ValueError as error:
        raise ConfigError(str(path), [ConfigProblem("", str(error))]) from error
    sets = content.get("sets") if isinstance(content, dict) else None
    if not isinstance(sets, dict) or not sets:
        raise ConfigError(str(path), [ConfigProblem("sets", "expected the splits by name, such as `train: train.json`")])
    problems = [ConfigProblem(f"sets.{name}", "expected a name that a file can have") for name in sets if not _is_file_name(str(name))]
    found = {str(name): _set_description(f"sets.{name}", value, path.parent, problems) for name, value in sets.items()}
    if problems:
        raise ConfigError(str(path), problems)
    return found


def _is_file_name(name: str) -> bool:
    """Whether files can be named by it, and lie where they should: not `../train`."""
    return name not in {"", ".", ".."} and name.isprintable() and not set(name) & set('/\\:*?"<>|')


def _set_description(field: str, value: Any, folder: Path, problems: list[ConfigProblem]) -> SetDescription:
    entry = {"labels": value} if isinstance(value, str) else value
    if not isinstance(entry, dict) or not isinstance(entry.get("labels"), str):
        problems.append(ConfigProblem(field, "expected `labels`: a label file or folder"))
        return SetDescription(folder)
    problems.extend(ConfigProblem(f"{field}.{key}", f"expected one of {', '.join(_KEYS)}") for key in entry if key not in _KEYS)
    labels = folder / entry["labels"]
    if not is_there(labels):
        problems.append(ConfigProblem(f"{field}.labels", f"there is no {labels}"))
    for key in ("mosaic_sources", "labelled"):
        if not isinstance(entry.get(key, []), list):
            problems.append(ConfigProblem(f"{field}.{key}", f"expected a list of names, got {entry[key]!r}"))
            return SetDescription(labels)
    rider = entry.get("rider_in_box")
    if rider is not None and not isinstance(rider, bool):
        problems.append(ConfigProblem(f"{field}.rider_in_box", f"expected true or false, got {rider!r}"))
        rider = None
    return SetDescription(
        labels,
        frozenset(str(name) for name in entry.get("mosaic_sources", [])),
        str(entry.get("source") or ""),
        tuple(str(name) for name in entry["labelled"]) if "labelled" in entry else None,
        _pattern(field, entry.get("group_pattern"), problems),
        rider,
    )


def _pattern(field: str, value: Any, problems: list[ConfigProblem]) -> re.Pattern[str] | None:
    if value is None:
        return None
    try:
        pattern = re.compile(str(value))
    except re.error as error:
        problems.append(ConfigProblem(f"{field}.group_pattern", f"expected a regular expression: {error}"))
        return None
    if pattern.groups < 1:
        problems.append(ConfigProblem(f"{field}.group_pattern", "expected a bracket around the part that names the camera or scene"))
        return None
    return pattern
