"""The web service as a WSGI app: Basic auth, POST only, days in two spellings, errors with status 200."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connections.sandbox.etrac.rounds import VANS, Packet, Trip, Van, driver, packets, trips
from connections.sandbox.faults import Faults
from connections.sandbox.server import Environ, StartResponse, answer, answer_json
from connections.sdk.text import gettext_noop as _

EMAIL, API_KEY = "frota@example.com", "sandbox-etrac-key"
ZONE = ZoneInfo("America/Sao_Paulo")
BASE = "/monitoramento/"
EVERY = timedelta(minutes=6)  # between two packets of a van that drives
LONGEST_SILENCE = 2  # days that a packet may take to get through

Record = dict[str, Any]
# The vendor's own errors by the name a fault orders them with; all of them come with status 200.
ERRORS: dict[str, Record] = {
    "key-refused": {"erro": "Usuário ou chave de API inválidos", "code_header": "401"},
    "limit": {"erro": "Limite de requisições excedido", "code_header": "429"},
    "unknown-plate": {"erro": "Veículo não encontrado", "code_header": "404"},
    "failure": {"erro": "Erro interno", "code_header": "500"},
    "day": {"erro": "Data inválida", "code_header": "400"},
    "no-records": {"erro": "Nenhum registro encontrado", "code_header": "404"},
}


class Refused(Exception):
    """An answer that is none of the data."""

    def __init__(self, name: str) -> None:
        self.body = ERRORS[name]
        super().__init__(name)


class Etrac:
    """One account. speed: how many times more packets a van on its way sends."""

    def __init__(self, *, seed: int = 1, speed: float = 1.0, clock: Callable[[], datetime] | None = None) -> None:
        self.seed = seed
        self.faults = Faults()
        self.token = API_KEY
        self.sign_in = f"e-mail: {EMAIL}  API key: {API_KEY}  (below /monitoramento)"
        self.vendor_errors = ("key-refused", "limit", "unknown-plate", "failure")
        self._every = max(EVERY / speed, timedelta(seconds=10))
        self._clock = clock or (lambda: datetime.now(UTC))
        self._passed = timedelta()
        self._removed: set[str] = set()
        self._serials: dict[str, str] = {}

    # What tests and demonstrations do to it

    @property
    def now(self) -> datetime:
        """The moment in the account's zone, without offset, as eTrac writes it."""
        return (self._clock() + self._passed).astimezone(ZONE).replace(tzinfo=None, microsecond=0)

    def pass_time(self, length: timedelta) -> None:
        """Let time pass at once."""
        self._passed += length

    def remove(self, plate: str) -> None:
        """Take a vehicle out of the account."""
        self._removed.add(plate)

    def move_tracker(self, plate: str, serial: str) -> None:
        """Give a vehicle another tracker."""
        self._serials[plate] = serial

    # Records

    @property
    def vans(self) -> list[Van]:
        return [van for van in VANS if van.plate not in self._removed]

    def packets(self, van: Van, day: date) -> list[Packet]:
        """Return what got through by now of what a van's tracker sent on a day."""
        return [each for each in packets(van, day, self.seed, self._every) if each.recorded <= self.now]

    def trips(self, van: Van, day: date) -> list[Trip]:
        """Return a van's trips of a day that have begun."""
        return [each for each in trips(van, day, self.seed) if each.begin <= self.now]

    def latest(self, van: Van) -> Packet | None:
        """Return the newest packet of a van that got through."""
        for back in range(LONGEST_SILENCE + 1):
            found = self.packets(van, self.now.date() - timedelta(days=back))
            if found:
                return max(found, key=lambda each: each.sent)
        return None

    # HTTP

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", "/"))
        if not path.startswith(BASE):
            return answer(start_response, 404, b"Not Found", "text/html")
        if environ["REQUEST_METHOD"] != "POST":
            return answer_json(start_response, 405, {"erro": "Utilize POST", "code_header": "405"})
        if not _is_signed_in(environ):
            return answer_json(start_response, 401, {"erro": "Não autorizado", "code_header": "401"})
        headers = {"Set-Cookie": "PHPSESSID=sandbox; path=/"}
        try:
            name = self.faults.vendor_error(path)
            if name is not None:
                raise Refused(name)
            return answer_json(start_response, 200, self._answer(path, _body(environ)), headers)
        except Refused as refused:
            return answer_json(start_response, 200, refused.body, headers)

    def _answer(self, path: str, asked: Record) -> Record:
        match path.removeprefix(BASE).strip("/"):
            case "ultimas-posicoes":
                rows = [row for van in self.vans if (row := self._latest_row(van))]
                return {"retorno": self.faults.disturb(path, rows, "placa"), "code_header": "200"}
            case "ultimaposicao":
                return {"retorno": self._latest_row(self._van(asked)), "code_header": "200"}
            case "ultimasposicoesterminal":
                van = self._van(asked)
                rows = [_history(van, each) for each in self.packets(van, _day(asked, "%d/%m/%Y"))]
                terminal = {"placa": van.plate, "descricao": van.description, "frota": van.fleet}
                told = self.faults.disturb(path, rows, "data_transmissao")
                return {"terminal": terminal, "posicoes": told, "code_header": "200"}
            case "resumoviagens":
                van = self._van(asked)
                rows = [self._trip(van, each) for each in self.trips(van, _day(asked, "%d-%m-%Y"))]
                if not rows and van.satellite:
                    raise Refused("no-records")
                return {"retorno": self.faults.disturb(path, rows, "data_inicio_conducao"), "code_header": "200"}
        raise Refused("failure")

    def _van(self, asked: Record) -> Van:
        """Return the vehicle of a plate, with or without its hyphen."""
        plate = str(asked.get("placa", "")).replace("-", "").upper()
        for van in self.vans:
            if van.plate.replace("-", "") == plate:
                return van
        raise Refused("unknown-plate")

    def _latest_row(self, van: Van) -> Record | None:
        packet = self.latest(van)
        if packet is None:
            return None
        place = packet.place or ("", "")
        return {
            "placa": van.plate, "descricao": van.description, "frota": van.fleet,
            "equipamento_serial": self._serials.get(van.plate, van.serial),
            "data_transmissao": str(packet.sent), "data_gravacao": str(packet.recorded),
            "latitude": str(place[0]), "longitude": str(place[1]), "logradouro": packet.street,
            "velocidade": packet.speed, "ignicao": int(packet.is_on), "horimetro": None, "odometro_can": None,
            "odometro": None if van.satellite else packet.odometer,
            "bateria": int(packet.battery) if van.satellite else packet.battery,
        }  # fmt: skip

    def _trip(self, van: Van, trip: Trip) -> Record:
        """Return a trip; one that goes on has no end yet."""
        name, number = driver(trip.driver) if trip.driver else (None, None)
        ended = trip.end <= self.now
        return {
            "cliente": "Empresa Exemplo Ltda", "cliente_fantasia": "Exemplo", "placa": van.plate,
            "descricao": van.description, "frota": van.fleet, "data_inicio_conducao": _brazilian(trip.begin),
            "data_fim_conducao": _brazilian(trip.end) if ended else "",
            "latitude_inicio_conducao": str(trip.start[0]), "longitude_inicio_conducao": str(trip.start[1]),
            "latitude_fim_conducao": str(trip.stop[0]) if ended else "0",
            "longitude_fim_conducao": str(trip.stop[1]) if ended else "0",
            "localizacao_inicio_conducao": "Rua Um, 10", "localizacao_fim_conducao": "Rua Dois, 20" if ended else None,
            "odometro_inicio_conducao": str(trip.odometer),
            "odometro_fim_conducao": str(trip.odometer + int(trip.km)) if ended else "",
            "duracao_conducao": _clock(trip.end - trip.begin) if ended else "",
            "distancia_conducao": str(trip.km) if ended else "", "condutor_nome": name,
            "condutor_identificacao": number,
        }  # fmt: skip


def _history(van: Van, packet: Packet) -> Record:
    """Spell a packet as the history does: other dates, texts for numbers, and neither tracker nor recording."""
    place = packet.place or ("0", "0")
    battery = str(int(packet.battery)) if van.satellite else f"{packet.battery} V".replace(".", ",")
    return {
        "data_transmissao": _brazilian(packet.sent), "latitude": str(place[0]), "longitude": str(place[1]),
        "logradouro": packet.street, "velocidade": f"{packet.speed} km/h", "ignicao": str(int(packet.is_on)),
        "odometro": None if van.satellite else str(packet.odometer), "odometro_can": None, "horimetro": None,
        "bateria": battery,
    }  # fmt: skip


def _is_signed_in(environ: Environ) -> bool:
    pair = base64.b64encode(f"{EMAIL}:{API_KEY}".encode()).decode()
    return str(environ.get("HTTP_AUTHORIZATION", "")) == f"Basic {pair}"


def _body(environ: Environ) -> Record:
    try:
        found = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
    except ValueError:
        raise Refused("failure") from None
    return found if isinstance(found, dict) else {}


def _day(asked: Record, form: str) -> date:
    """Return the day that is asked for, in the one spelling that the list takes."""
    try:
        return datetime.strptime(str(asked.get("data", "")), form).replace(tzinfo=UTC).date()
    except ValueError:
        raise Refused("day") from None


def _brazilian(moment: datetime) -> str:
    return moment.strftime("%d/%m/%Y %H:%M:%S")


def _clock(length: timedelta) -> str:
    spent = int(length.total_seconds())
    return f"{spent // 3600:02}:{spent % 3600 // 60:02}:{spent % 60:02}"


def sample_connection(url: str) -> dict[str, Any]:
    """Return a connection to a sandbox eTrac at url: {"kind", "name", "values" (secrets included)}."""
    return {
        "kind": "etrac",
        "name": _("Sample eTrac"),
        "values": {
            "api_url": f"{url}/monitoramento", "email": EMAIL, "api_key": API_KEY, "pause_seconds": 0,
            "allow_private_addresses": True,
        },
    }  # fmt: skip
