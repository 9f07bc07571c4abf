"""Options that many commands have, told in the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[Path | None, typer.Option(help="Where everything is kept; $PANOPS_HOME, else your data folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
