"""Makes the virtual environment for the Makefile, with clear words when this Python cannot."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

LOWEST, HIGHEST = (3, 11), (3, 13)


def main(folder: Path) -> int:
    """Make `folder`; 0 when it worked."""
    if not LOWEST <= sys.version_info[:2] <= HIGHEST:
        wanted = f"{LOWEST[0]}.{LOWEST[1]} to {HIGHEST[0]}.{HIGHEST[1]}"
        return complain(f"panops needs Python {wanted}, this is {sys.version.split()[0]}; name another one: make PYTHON=python3.12 ...")
    try:
        venv.create(folder, with_pip=True, clear=folder.exists())
    except subprocess.CalledProcessError:
        pass  # Debian's python3 without python3-venv has no ensurepip; pip can fill the folder from outside.
    else:
        return 0
    venv.create(folder, with_pip=False, clear=True)
    install = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "pip"]
    if subprocess.run(install, check=False).returncode == 0:
        return 0
    return complain("cannot make a virtual environment with pip in it; on Debian and Ubuntu: apt-get install python3-venv")


def complain(message: str) -> int:
    """Say it on standard error; 1."""
    sys.stderr.write(message + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
