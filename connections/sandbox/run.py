"""Runs one sandbox until SIGTERM or SIGINT, for `manage.py sandbox` and `python -m connections.sandbox`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from connections.sandbox import SANDBOXES
from connections.sandbox.faults import HELP, parse
from connections.sandbox.server import CONTROL, Sandbox


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give parser the sandbox's arguments and the description of its faults."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{HELP}\n\nWhile it runs: POST a SPEC to {CONTROL}; GET tells what was played."
    parser.add_argument("kind", metavar="KIND", choices=sorted(SANDBOXES), help=f"one of: {', '.join(SANDBOXES)}")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--faults", type=_spec, default="", metavar="SPEC", help="faults to play, see below")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data (default 1)")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how many times faster data grow (default 1)")


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; print address and how to sign in first. Returns the exit code."""
    app = SANDBOXES[arguments.kind](arguments.seed, arguments.speed)
    try:
        sandbox = Sandbox(app, host=arguments.host, port=arguments.port, faults=arguments.faults)
    except OSError as error:
        sys.stderr.write(f"The sandbox cannot listen on {arguments.host}:{arguments.port}: {error.strerror}.\n")
        return 5

    def stop(_signal: int, _frame: object) -> None:
        # shutdown() waits for the loop that this signal has interrupted: another thread has to call it.
        threading.Thread(target=sandbox.stop, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sign_in = getattr(app, "sign_in", f"token: {app.token}")  # for vendors where a token alone is not enough
    sys.stdout.write(f"Sandbox {arguments.kind}: {sandbox.url}  {sign_in}\n")
    sys.stdout.flush()
    sandbox.serve()
    return 0


def _spec(text: str) -> str:
    try:
        parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 100_000:
        raise argparse.ArgumentTypeError("must be a number above 0")
    return speed
