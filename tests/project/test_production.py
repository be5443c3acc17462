"""docs/production.md, followed: what it says to type is typed, as far as one machine without systemd allows."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import yaml

from connections.sandbox.server import Sandbox
from connections.sandbox.shop import TOKEN, Shop, sample_connection
from tests.certificates import self_signed
from tests.console import ROOT, free_port, wait_for
from tests.postgres import programs, throwaway

UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
HOST = "sync.example.com"
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
# What needs a machine of its own to be root of, the network, or a host name that is known to the world.
NOT_HERE = re.compile(r"^(apt-get|useradd|git|systemctl|certbot|nginx|cp \S+ /etc/systemd|make -C \S+ setup)\b")


def blocks(chapter: str) -> list[str]:
    """Return what the chapter says to type, block by block."""
    text = (ROOT / "docs" / "production.md").read_text()
    (body,) = re.findall(rf"^## {re.escape(chapter)}[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```sh\n(.*?)^```", body, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
def test_units_are_understood_by_systemd(tmp_path: Path) -> None:
    for unit in UNITS:
        # The one thing that is not where it will be.
        text = unit.read_text().replace("/opt/sincro/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(text)
    found = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
    )
    assert (found.returncode, found.stderr.replace(str(tmp_path), "")) == (0, "")


def test_timer_and_workers_exclude_each_other() -> None:
    timer = (ROOT / "deploy" / "systemd" / "sincro-daily.timer").read_text()
    assert "Conflicts=sincro-sync.service sincro-control.service" in timer


def test_image_is_built_as_its_linter_wants() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([linter, ROOT / "deploy/docker/Dockerfile"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def test_image_holds_everything_that_runs_and_nothing_of_the_tests() -> None:
    image = (ROOT / "deploy/docker/Dockerfile").read_text()
    copied = {source for source in re.findall(r"^COPY (?!--from)(\S+) ", image, re.MULTILINE)}
    assert copied == {"requirements.txt", "manage.py", "config", "connections", "syncruns", "templates"}
    ignored = (ROOT / "deploy/docker/Dockerfile.dockerignore").read_text().split()
    assert {name.removeprefix("!") for name in ignored if name.startswith("!")} == copied
    assert re.findall(r"^USER (.*)", image, re.MULTILINE) == ["10001"]


def test_containers_run_without_rights_and_with_settings_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "deploy/docker/compose.yaml").read_text())
    known = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    roles = [service for name, service in compose["services"].items() if name != "db"]
    assert len(roles) == 3
    for service in roles:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert set(service["environment"]) <= known
        settings = (ROOT / "deploy/docker" / service["env_file"]).resolve()
        assert settings == ROOT / "sincro.env", "every setting gets there, from the file that the document makes"
    (block, *_more) = blocks("With Docker")
    assert block.startswith("cd /opt/sincro\ncat > sincro.env <<EOF")


class Machine:
    """A directory that stands for /, with a PostgreSQL, on which the document is followed."""

    def __init__(self, root: Path, server_url: str, binaries: Path) -> None:
        self.root = root
        self.http, self.https, self.web = free_port(), free_port(), free_port()
        self.url = f"https://{HOST}:{self.https}"
        login = psycopg2.extensions.parse_dsn(server_url)
        self.environment = {
            "PATH": f"{binaries}:{os.environ['PATH']}",
            "LANG": "en_US.UTF-8",
            "CURL_HOME": str(root),
            "PGHOST": login["host"],
            "PGPORT": login["port"],
            "PGUSER": login["user"],
            "PGPASSWORD": login["password"],
        }
        self.database_url = server_url.rpartition("/")[0] + "/synced"
        self.left_out: list[str] = []
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        for place in ("etc/nginx/sites-available", "etc/nginx/sites-enabled", "var/lib/sincro", "var/backups", "opt"):
            (root / place).mkdir(parents=True)
        (root / "opt/sincro").symlink_to(ROOT)
        self_signed(root / "fullchain.pem", HOST)
        shutil.copy(root / "fullchain.pem", root / "privkey.pem")
        (root / ".curlrc").write_text(f"resolve = {HOST}:{self.https}:127.0.0.1\ncacert = {root}/fullchain.pem\n")

    def type(self, block: str) -> str:
        """Type the block's lines, but those that cannot be done here, and return what they say."""
        lines = block.splitlines()
        self.left_out += [line for line in lines if NOT_HERE.match(line)]
        script = "\n".join(line for line in lines if not NOT_HERE.match(line))
        done = subprocess.run(
            ["sh", "-eu", "-c", self._here(script)], env=self.environment, cwd=self.root, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _here(self, text: str) -> str:
        """Put this machine's places, users, ports and database into the text."""
        text = text.replace("/opt/sincro/.venv/bin/python", sys.executable)
        text = re.sub(r"(?<![\w/.])/(etc|var|opt)/", rf"{self.root}/\1/", text)
        text = re.sub(r"runuser -u \w+ -- ", "", text)
        text = re.sub(r" -[go] (sincro|postgres)\b", "", text)
        # The server's own role is called sincro here.
        text = re.sub(r"(createuser|createdb .*|dropdb) sincro$", r"\1 synced", text, flags=re.MULTILINE)
        text = text.replace("--owner sincro", "--owner synced").replace("--dbname=sincro", "--dbname=synced")
        text = text.replace("sincro.dump sincro", "sincro.dump synced")
        text = text.replace("DATABASE_URL=postgresql:///sincro", f"DATABASE_URL={self.database_url}\nPORT={self.web}")
        return text.replace(f"https://{HOST}", self.url)

    def start_services(self) -> None:
        """Do what systemd would with the three units."""
        given = (self.root / "etc/sincro/sincro.env").read_text()
        settings = dict(line.split("=", 1) for line in given.splitlines())
        for role in ("web", "sync", "control"):
            unit = (ROOT / f"deploy/systemd/sincro-{role}.service").read_text()
            (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
            with (self.root / f"{role}.output").open("ab") as output:
                self.services[role] = subprocess.Popen(
                    self._here(command).split(),
                    cwd=self.root / "opt/sincro",
                    env={**self.environment, **settings},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )

    def stop_services(self) -> None:
        """Ask all of them to stop, as systemd would, and take their exit codes."""
        for process in self.services.values():
            process.send_signal(signal.SIGTERM)
        ended = {role: process.wait(60) for role, process in self.services.items()}
        self.services.clear()
        # One that is told to stop before it has loaded ends by the signal, which systemd takes for a clean end too.
        assert set(ended.values()) <= {0, -signal.SIGTERM}, {role: self.output(role) for role in ended}

    def output(self, role: str) -> str:
        return (self.root / f"{role}.output").read_text()

    def count(self, table: str) -> int:
        with contextlib.closing(psycopg2.connect(self.database_url)) as database, database.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            return int(cursor.fetchone()[0])

    @contextlib.contextmanager
    def nginx(self) -> Iterator[None]:
        """Run nginx with the site that the document made, on ports of this test and a certificate of its own."""
        site = (self.root / "etc/nginx/sites-enabled/sincro.conf").read_text()
        site = site.replace(f"{HOST}:{self.https}", HOST).replace(f"/etc/letsencrypt/live/{HOST}/", f"{self.root}/")
        site = re.sub(r"^ *listen \[.*\n", "", site, flags=re.MULTILINE)
        site = site.replace("listen 80;", f"listen 127.0.0.1:{self.http};")
        site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.https} ssl;")
        site = site.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{self.web}").replace("$host;", "$http_host;")
        whole = (
            f"daemon off; pid {self.root}/nginx.pid; error_log {self.root}/nginx.log; events {{}}\n"
            f"http {{ access_log off; client_body_temp_path {self.root}/body; proxy_temp_path {self.root}/proxy;\n"
            f"fastcgi_temp_path {self.root}/f; uwsgi_temp_path {self.root}/u; scgi_temp_path {self.root}/s;\n"
            f"{site} }}\n"
        )
        (self.root / "nginx.conf").write_text(whole)
        command = [str(NGINX), "-c", str(self.root / "nginx.conf"), "-e", str(self.root / "nginx.log")]
        assert subprocess.run([*command, "-t"], capture_output=True).returncode == 0
        with subprocess.Popen(command) as process:
            try:
                wait_for(lambda: is_open(self.https))
                yield
            finally:
                process.terminate()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    binaries = programs()
    if binaries is None or not NGINX or not shutil.which("curl"):
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("PostgreSQL, nginx and curl are needed.")
    with throwaway(binaries) as server:
        one = Machine(tmp_path, server.url, binaries)
        try:
            yield one
        finally:
            for process in one.services.values():
                process.kill()


@pytest.mark.long
def test_document_leads_from_nothing_to_a_console_that_syncs_and_comes_back_from_its_backup(machine: Machine) -> None:
    for chapter in ("1. ", "2. ", "3. ", "4. "):
        for block in blocks(chapter):
            machine.type(block)
    own = machine.root / "etc/sincro/sincro.env"
    assert own.stat().st_mode & 0o777 == 0o640
    with own.open("a") as file:
        file.write("ALLOW_PRIVATE_ADDRESSES=1\n")
    machine.type(blocks("5. ")[0])
    machine.start_services()
    machine.type(blocks("6. ")[0])
    with machine.nginx():
        wait_for(lambda: "scheduler confirmed" in machine.output("control"))
        wait_for(lambda: "Sincro is ready" in machine.output("web"))
        said = machine.type(blocks("7. ")[0])
        assert '"status": "ok"' in said
        assert "password: " in said
        page = machine.type(f"curl --silent --include --header 'X-Forwarded-Proto: http' https://{HOST}/sign-in/")
        assert re.search(r"^set-cookie: csrftoken=.*; Secure", page, re.MULTILINE | re.IGNORECASE)
    assert machine.left_out, "what was not done is known"

    with Sandbox(Shop()) as shop:
        sync_sample(machine, shop.url)
    before = machine.count("rest.loja_products")
    assert before > 0

    backup, restore = blocks("8. ")
    machine.type(backup)
    machine.stop_services()
    machine.type("psql --quiet --command='DELETE FROM rest.loja_products' synced")
    machine.type(restore)
    machine.start_services()
    wait_for(lambda: "scheduler confirmed" in machine.output("control").rpartition("Sincro has stopped.")[2])
    assert machine.count("rest.loja_products") == before
    machine.stop_services()


def sync_sample(machine: Machine, shop_url: str) -> None:
    """Add a connection on the command line as the document's doctor is called, and let a worker sync it."""
    values = {**sample_connection(shop_url)["values"], "table_prefix": "loja"}
    (machine.root / "streams.json").write_text(json.dumps(values.pop("streams")))
    (machine.root / "token").write_text(TOKEN)
    doctor = next(line for line in blocks("7. ")[0].splitlines() if line.endswith(" doctor"))
    manage = doctor.removesuffix(" doctor")
    plain = " ".join(f"--set {name}={value}" for name, value in values.items() if isinstance(value, str) and value)
    plain = plain.replace(f"--set token={TOKEN}", "")
    secret = f"--secret token=@{machine.root}/token --set streams=@{machine.root}/streams.json"
    machine.type(f"{manage} connections add rest Loja --slug loja {plain} {secret}")
    machine.type(f"{manage} sync loja --queue --wait")
