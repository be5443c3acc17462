"""A real Prometheus on loopback, for the tests that let it scrape a console."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.console import ROOT, free_port, wait_for

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DOCUMENTED = re.findall(r"```yaml\n(scrape_configs:.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)[0]


class Prometheus:
    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the value of each series of a PromQL expression, by these of its labels."""
        answer = requests.get(f"{self.url}/api/v1/query", params={"query": expression}, timeout=10).json()
        assert answer["status"] == "success", answer
        found = answer["data"]["result"]
        return {tuple(one["metric"].get(name, "") for name in labels): float(one["value"][1]) for one in found}

    def rules(self) -> dict[str, str]:
        """Return the health of each alert: ok where its expression could be worked out."""
        groups = requests.get(f"{self.url}/api/v1/rules", timeout=10).json()["data"]["groups"]
        return {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}


def demand_programs() -> None:
    """Skip where there is no Prometheus; in CI there must be."""
    if not all(map(shutil.which, ("prometheus", "promtool"))):
        if os.environ.get("CI"):
            pytest.fail("Prometheus not found, and in CI it must scrape.")
        pytest.skip("Prometheus not found: no real one scrapes the console.")


@contextlib.contextmanager
def prometheus(directory: Path, target: str, token: str) -> Iterator[Prometheus]:
    """Run Prometheus with the configuration of docs/api.md, every second instead of every minute."""
    scrape = DOCUMENTED.replace("sync.example.com", target).replace("https", "http")
    assert "sincro_..." in scrape and target in scrape
    timing = "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
    config = directory / "prometheus.yml"
    config.write_text(f"{timing}rule_files: [{ALERTS}]\n{scrape.replace('sincro_...', token)}")
    subprocess.run(["promtool", "check", "config", config], check=True, capture_output=True, timeout=60)
    port = free_port()
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], cwd=directory, stdout=log, stderr=log
        )
    try:
        one = Prometheus(f"http://127.0.0.1:{port}")
        wait_for(lambda: _is_ready(one.url), seconds=30)
        yield one
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=5).ok
    except requests.RequestException:
        return False
