"""Run a sandbox without Django: `python -m connections.sandbox KIND`."""

from __future__ import annotations

import argparse
import sys

from connections.sandbox.run import add_arguments, run

parser = argparse.ArgumentParser(prog="python -m connections.sandbox", description="Run a small vendor over HTTP.")
add_arguments(parser)
sys.exit(run(parser.parse_args()))
