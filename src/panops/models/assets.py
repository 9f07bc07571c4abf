"""Sample clips: fetched and checked like models, kept as plain files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from panops.domain.errors import ModelChecksumMismatch, ModelError, ModelNotFound
from panops.models.catalogue import Catalogue, load_catalogue
from panops.models.checksum import check_sha256
from panops.models.fetch import Progress, fetch, no_progress
from panops.models.mirrors import Mirrors, mirrors_from_environment


def fetch_asset(
    name: str,
    folder: Path,
    *,
    allow_network: bool,
    progress: Progress = no_progress,
    mirrors: Sequence[Path] | None = None,
    catalogue: Catalogue | None = None,
) -> Path:
    """The file of an asset, fetched when it is not in `folder` yet or is damaged there.

    Args:
        name: Its name in the catalogue, for example `bikes`.
        folder: Where assets are kept; made when it is missing.
        allow_network: Whether it may be fetched from its public source.
        progress: Told how far it is.
        mirrors: Folders to look into first; those of `PANOPS_MODEL_MIRROR` when None.
        catalogue: The project's own when None.

    Raises:
        ModelNotFound: No such asset, or it cannot be had; the message says what to do.
        ModelChecksumMismatch: What came is another file.
    """
    assets = (catalogue or load_catalogue()).assets
    if name not in assets:
        raise ModelNotFound(f"there is no asset {name!r}; known are: {', '.join(sorted(assets))}")
    asset = assets[name]
    path = folder / asset.file_name
    if path.exists():
        try:
            check_sha256(path, asset.wanted.sha256, str(path), "it is fetched again")
        except ModelChecksumMismatch:
            path.unlink()
        else:
            return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fetch(
            asset.wanted,
            path,
            Mirrors(mirrors_from_environment() if mirrors is None else mirrors),
            allow_network=allow_network,
            progress=progress,
        )
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return path
