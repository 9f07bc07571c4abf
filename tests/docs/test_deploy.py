"""What `deploy/` says is so: commands, options, paths, ports and users exist, as far as that can be seen without an engine."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from panops.cli import app
from panops.config.load import parse_site

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNIT = (DEPLOY / "systemd" / "panops.service").read_text()


def parse(words: list[str]) -> dict[str, Any]:
    """The options of a `panops` command line, read by the command itself and not run; a fault is a usage error."""
    group: Any = typer.main.get_command(app)
    parameters: dict[str, Any] = group.commands[words[0]].make_context(words[0], list(words[1:])).params
    return parameters


def compose(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def manifests() -> dict[str, Any]:
    return {found["kind"]: found for found in yaml.safe_load_all((DEPLOY / "kubernetes" / "panops.yaml").read_text())}


def test_a_wrong_option_would_be_seen() -> None:
    with pytest.raises(BaseException, match=r"[Nn]o such option"):
        parse(["run", "--colour"])
    assert parse(["run", "--host", "0.0.0.0"])["host"] == "0.0.0.0"  # noqa: S104 - nothing listens


def test_the_image_is_not_root_and_its_parts_are_there() -> None:
    assert re.search(r"^USER panops$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.index("USER panops") < DOCKERFILE.index("ENTRYPOINT")
    assert re.search(r"^HEALTHCHECK .*\n?.*/healthz", DOCKERFILE, re.MULTILINE)
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (ROOT / name).exists(), name
            assert name in kept, f".dockerignore leaves {name} out"
    parse(yaml.safe_load(re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[1]))  # type: ignore[index]  it is there
    assert not re.search(r"amd64|x86_64|arm64|aarch64", DOCKERFILE), "nothing of one architecture is in it"


@pytest.mark.parametrize("path", [ROOT / "compose.yaml", DEPLOY / "compose.yaml"], ids=["root", "deploy"])
def test_compose(path: Path) -> None:
    found = compose(path)
    service = found["services"]["panops"]
    parse(service["command"])
    assert (path.parent / service["build"] / "Dockerfile").is_file()
    for one in found["services"].values():
        assert one["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in one["security_opt"]
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", ())), "open to nobody else"
        for volume in one["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./") and source != "./panops.token":
                assert (path.parent / source).exists(), source
            elif not source.startswith("./"):
                assert source in found["volumes"]
    assert service["read_only"] is True
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        done = subprocess.run(["docker", "compose", "-f", path, "config", "-q"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_site_of_compose_is_one() -> None:
    site = parse_site((DEPLOY / "site" / "site.yaml").read_text())
    assert list(site.cameras) == ["yard"]


@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_systemd(unit: Path) -> None:
    text = unit.read_text()
    command = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert command is not None
    words = shlex.split(command[1].replace("%%", "%"))
    if words[0] == "/bin/sh":
        words = shlex.split(words[2].removeprefix("exec "))
    assert words[0] == "/opt/panops/bin/panops"
    parse(words[1:])
    for line in re.findall(r"^# With a site file: ExecStart=\S+ (.+)$", text, re.MULTILINE):
        parse(shlex.split(line))
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "User=panops", "UMask=0077"):
        assert wanted in text.splitlines()


def test_systemd_itself_finds_nothing() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    units = sorted((DEPLOY / "systemd").iterdir())
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "panops" in line and "is not executable: No such file" not in line]
    assert told == []


def test_kubernetes_is_restricted_and_agrees_with_the_image() -> None:
    found = manifests()
    assert set(found) == {"Namespace", "ConfigMap", "PersistentVolumeClaim", "StatefulSet", "Service"}
    assert {one["metadata"].get("namespace", "panops") for one in found.values()} == {"panops"}
    pod = found["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    uid = int(re.search(r"--uid (\d+)", DOCKERFILE)[1])  # type: ignore[index]  it is there
    assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (uid, True)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    inner = container["securityContext"]
    assert (inner["allowPrivilegeEscalation"], inner["readOnlyRootFilesystem"], inner["capabilities"]) == (False, True, {"drop": ["ALL"]})
    parse(container["args"])
    assert str(container["ports"][0]["containerPort"]) in re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == {volume["name"] for volume in pod["volumes"]}
    assert re.search(rf"^VOLUME {mounts['data']}$", DOCKERFILE, re.MULTILINE)
    assert container["args"][1] == f"{mounts['site']}/{next(iter(found['ConfigMap']['data']))}"
    parse_site(found["ConfigMap"]["data"]["site.yaml"])
    assert pod["terminationGracePeriodSeconds"] >= 40
    labels = found["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    assert found["StatefulSet"]["spec"]["selector"]["matchLabels"] == labels == found["Service"]["spec"]["selector"]
    assert found["StatefulSet"]["spec"]["replicas"] == 1


def test_every_file_is_named_in_the_readme() -> None:
    text = (DEPLOY / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert (DEPLOY / target).exists(), target
    for folder in (path.name for path in DEPLOY.iterdir() if path.is_dir() and path.name != "site"):
        assert f"`{folder}/`" in text
