"""`panops data split`: training, validation and test sets that share no camera, scene or near copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
import yaml
from rich.console import Console
from rich.text import Text

from panops.commands.data_sets import PathsArgument, need_pictures, open_paths, picture_bar, writing
from panops.commands.data_tables import print_table
from panops.datasets.checking import class_counts
from panops.datasets.coco import coco_text
from panops.datasets.near_copies import NEAR_BITS, copy_groups
from panops.datasets.picture_look import look_at_all
from panops.datasets.splitting import Splitting, split_set
from panops.datasets.whole_file import write_all_whole
from panops.domain.errors import PanopsError
from panops.domain.labels import DetectionSet

_NAMES = ("train", "val", "test")


def split(
    paths: PathsArgument,
    out: Annotated[Path, typer.Option(help="The folder for train.json, val.json, test.json and dataset.yaml.")],
    val: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the pictures for validation.")] = 0.15,
    test: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the pictures for a test set.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same sets.")] = 0,
    near_bits: Annotated[int, typer.Option(min=0, max=20, help="Bits of 64 by which near copies may differ.")] = NEAR_BITS,
    replace: Annotated[bool, typer.Option("--replace", help="Write over an earlier split in the folder.")] = False,
) -> None:
    """Split a data set by camera or scene; near copies stay together, classes and sources are kept even.

    No group is ever parted. Pictures that name none are grouped with their near copies. The sets are COCO files that point to the pictures
    where they are. Says what was reached, since large groups may leave little choice.
    """
    shares = {name: share for name, share in zip(_NAMES, (1 - val - test, val, test), strict=True) if share > 0}
    if val + test >= 1 or val + test <= 0:
        raise typer.BadParameter(f"expected --val and --test to leave something to all sets, got {val:g} and {test:g}", param_hint="--val")
    _check_target(out, paths, replace=replace)
    opened = open_paths(paths)
    dataset = opened.together("all")
    need_pictures(dataset, paths)
    with picture_bar(len(dataset)) as progress:
        looks = look_at_all([picture.path for picture in dataset.pictures], progress)
    readable = [index for index, look in enumerate(looks) if look.size_wh is not None]
    broken = len(dataset) - len(readable)
    dataset = DetectionSet("all", dataset.classes, tuple(dataset.pictures[index] for index in readable))
    need_pictures(dataset, paths)
    splitting = split_set(dataset, copy_groups([looks[index].fingerprint for index in readable], near_bits), shares, seed)
    with writing(out):
        sets = {name: f"{name}.json" for name in splitting.sets}
        contents = {out / sets[name]: coco_text(part, out) for name, part in splitting.sets.items()}
        contents[out / "dataset.yaml"] = yaml.safe_dump({"sets": sets}, sort_keys=False)
        # All at once: new training beside old validation pictures would share cameras.
        write_all_whole(contents, instead_of=tuple(out / f"{name}.json" for name in _NAMES))
    console = Console()
    _print(console, splitting)
    if broken:
        console.print(f"[yellow]{broken:,} pictures cannot be decoded and were left out; `panops data check` names them.[/]")
    if line := opened.problem_line():
        console.print(line)
    console.print(Text(f"wrote {', '.join(f'{name}.json' for name in sets)} and dataset.yaml to {out}"))


def _check_target(out: Path, paths: list[Path], *, replace: bool) -> None:
    targets = [out / name for name in (*(f"{name}.json" for name in _NAMES), "dataset.yaml") if (out / name).exists()]
    if any(target.samefile(path) or target.parent.samefile(path) for target in targets for path in paths if path.exists()):
        raise PanopsError(f"{out}: expected another folder; this one holds the labels that are to be split")
    if targets and not replace:
        raise PanopsError(f"{out}: expected a folder without {targets[0].name}; choose another, or give --replace")


def _print(console: Console, splitting: Splitting) -> None:
    parts = splitting.sets
    rows: list[Sequence[str] | None] = [
        ["wanted", *(f"{splitting.wanted[name]:.1%}" for name in parts)],
        ["pictures", *(f"{len(part):,} ({splitting.reached(name):.1%})" for name, part in parts.items())],
        ["groups", *(f"{len({one.group for one in part.pictures} - {''}):,}" for part in parts.values())],
        None,
    ]
    counts = np.stack([class_counts(part) for part in parts.values()], axis=1)
    for name, row in zip(next(iter(parts.values())).classes, counts.tolist(), strict=True):
        rows.append([name, *_shares(row)])
    by_split = [Counter(one.source for one in part.pictures) for part in parts.values()]
    sources = sorted(set().union(*by_split) - {""})
    rows += [None] if sources else []
    rows += [[f"pictures of {source}", *_shares([counter[source] for counter in by_split])] for source in sources]
    print_table(console, "What was reached", ("", *parts), rows)
    _print_limits(console, splitting)


def _shares(counts: Sequence[int]) -> list[str]:
    return [f"{count:,} ({count / max(1, sum(counts)):.1%})" for count in counts]


def _print_limits(console: Console, splitting: Splitting) -> None:
    console.print(f"{splitting.unit_count:,} parts that cannot be divided, the largest of {splitting.largest_unit:,} pictures.")
    if splitting.joined_groups:
        console.print(f"Near copies tie groups together: {splitting.joined_groups:,} groups are not on their own.")
    if splitting.ungrouped:
        console.print(
            f"{splitting.ungrouped:,} pictures name no group; their near copies stand in for it, which misses other views of a scene."
        )
    for name, part in splitting.sets.items():
        if not len(part):
            console.print(f"[yellow]{name} is empty: there are too few parts.[/]")
        for label, count in zip(part.classes, class_counts(part).tolist(), strict=True):
            if len(part) and not count:
                console.print(Text(f"{name} has no {label}.", "yellow"))
