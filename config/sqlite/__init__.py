"""Django's SQLite backend with turns (base.py); the ENGINE of a SQLite database."""
