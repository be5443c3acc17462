"""Connections as a file: written without secrets, read back with what it changes."""
