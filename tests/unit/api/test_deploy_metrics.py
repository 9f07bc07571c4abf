"""The dashboard and the rules for alerts ask only for metrics, labels and label values that panops has."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from panops.pipeline.live import CameraState

from .conftest import Site
from .test_metrics import scrape

pytestmark = pytest.mark.anyio

DEPLOY = Path(__file__).parents[3] / "deploy"
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "panops.json").read_text())
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
# What Prometheus adds, and what it has of its own.
ADDED = {"instance", "job"}


def expressions() -> list[str]:
    board = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
    board += [one["query"]["query"] for one in BOARD["templating"]["list"] if one["type"] == "query"]
    return board + [rule["expr"] for group in RULES["groups"] for rule in group["rules"]]


async def test_every_metric_and_label_exists(site: Site) -> None:
    await scrape(site)  # its own request is counted in the next one
    async with site.client(None, address="127.0.0.1", host="http://localhost:8440") as client:
        text = (await client.get("/metrics")).text
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    asked = 0
    for expression in expressions():
        for name, selector in re.findall(r"\b(panops_[a-z_]+)(?:\{([^}]*)\})?", expression):
            asked += 1
            assert name in labels, f"{name} in {expression}"
            for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
                assert label in labels[name] | ADDED, f"{label} of {name}"
        for group in re.findall(r"\bby \(([^)]*)\)", expression):
            names = set(re.findall(r"panops_[a-z_]+", expression))
            for label in (part.strip() for part in group.split(",")):
                assert any(label in labels[name] | ADDED for name in names), f"{label} in {expression}"
    assert asked > 40
    states = {word for expression in expressions() for words in re.findall(r'state!~"([^"]+)"', expression) for word in words.split("|")}
    assert states <= {state.value for state in CameraState}


def test_panels_do_not_lie_upon_each_other() -> None:
    places = [panel["gridPos"] for panel in BOARD["panels"]]
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(places)
    for a, b in combinations(places, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert apart, (a, b)
    assert max(place["x"] + place["w"] for place in places) <= 24


def test_each_rule_says_what_is_wrong() -> None:
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("name", ["prometheus.yml", "compose.yml"])
def test_prometheus_scrapes_metrics_and_loads_the_rules(name: str) -> None:
    found = yaml.safe_load((DEPLOY / "prometheus" / name).read_text())
    (job,) = found["scrape_configs"]
    assert (job["job_name"], job["metrics_path"], found["rule_files"]) == ("panops", "/metrics", ["alerts.yml"])
    assert job["static_configs"][0]["targets"][0].endswith(":8440")
