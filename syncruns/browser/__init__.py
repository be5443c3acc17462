"""Looks at the rows of destination tables: found, filtered, shown, exported."""
