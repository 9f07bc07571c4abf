"""Where the `panops` command begins: before the large imports, so that Ctrl-C during them is no traceback either."""

from __future__ import annotations

import sys

_INTERRUPTED = 130


def main() -> None:
    """Load the command line and run it; exit code 130 when it was interrupted."""
    try:
        from panops.cli import main as run  # noqa: PLC0415 - what this module is for

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
