"""Puts a model that `panops export` wrote into the package, with its papers and a card: src/panops/models/builtin/NAME.

python scripts/pack_builtin.py runs/street-int8 --name street --version 1 --recipe recipes/street.yaml --provenance street.yaml \
    --not-for "night" --licence Apache-2.0 --credit "..." --figures val.json

`--provenance` is a `provenance.yaml` (purpose, parent, data, tools, created_at); `--figures` are what `panops evaluate detector --json`
wrote of the very file, one a data set. What is there already under this name is replaced.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from panops.domain.errors import PanopsError
from panops.domain.manifest import ModelManifest, ModelSource, SourceKind
from panops.models.builtin_rules import builtin_problems
from panops.models.card import model_card
from panops.models.card_text import as_markdown
from panops.models.figures import checked_figures, figures_name
from panops.models.manifest_file import MANIFEST_NAME, dump_manifest, read_manifest
from panops.models.provenance import Provenance, parse_provenance, read_json, read_provenance, write_provenance
from panops.models.shelf import StoredModel
from panops.models.version_id import version_id

BUILTIN = Path(__file__).resolve().parents[1] / "src" / "panops" / "models" / "builtin"


def main() -> int:
    """Pack it; exit code 1 with every problem where it must not go into the package."""
    options = _options()
    try:
        manifest = _manifest(options, read_manifest(options.folder / MANIFEST_NAME))
        papers = _papers(options, manifest)
    except PanopsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    target = options.out / manifest.name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    shutil.copyfile(options.folder / manifest.file_name, target / manifest.file_name)
    (target / MANIFEST_NAME).write_text(dump_manifest(manifest), encoding="utf-8")
    write_provenance(target, papers)
    card = model_card(StoredModel(manifest, target / manifest.file_name, True, version_id(manifest.version)), papers)
    (target / "CARD.md").write_text(as_markdown(card), encoding="utf-8")
    problems = builtin_problems(target)
    sys.stdout.write(
        "".join(f"{path.relative_to(target)}: {path.stat().st_size} bytes\n" for path in sorted(target.rglob("*")) if path.is_file())
    )
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what panops export wrote")
    for name in ("name", "version", "licence", "credit", "not-for"):
        parser.add_argument(f"--{name}", default="", help=f"instead of the manifest's own {name}")
    parser.add_argument("--recipe", type=Path, help="the training's recipe")
    parser.add_argument("--provenance", type=Path, help="a provenance.yaml")
    parser.add_argument("--figures", type=Path, nargs="*", default=[], help="evaluations of this file")
    parser.add_argument("--out", type=Path, default=BUILTIN, help="where built-in models are")
    return parser.parse_args()


def _manifest(options: argparse.Namespace, manifest: ModelManifest) -> ModelManifest:
    name = options.name or manifest.name
    return replace(
        manifest,
        name=name,
        version=options.version or manifest.version,
        licence=options.licence or manifest.licence,
        credit=options.credit or manifest.credit,
        not_for=options.not_for or manifest.not_for,
        source=ModelSource(SourceKind.BUILTIN, name),
    )


def _papers(options: argparse.Namespace, manifest: ModelManifest) -> Provenance:
    papers = read_provenance(options.folder)
    if options.provenance:
        told = parse_provenance(options.provenance.read_text(encoding="utf-8"), str(options.provenance))
        papers = replace(told, recipe=papers.recipe, export=papers.export, figures=papers.figures)
    if options.recipe:
        papers = replace(papers, recipe=options.recipe.read_bytes().decode())
    figures = {**papers.figures, **{figures_name(path.stem): read_json(path) for path in options.figures}}
    return replace(papers, figures={name: _in_short(checked_figures(record, manifest.sha256, name)) for name, record in figures.items()})


def _in_short(record: dict[str, Any]) -> dict[str, Any]:
    """Without the figures of each camera, which are four fifths of the file and in no card."""
    return {**record, "models": [{key: value for key, value in model.items() if key != "groups"} for model in record["models"]]}


if __name__ == "__main__":
    sys.exit(main())
