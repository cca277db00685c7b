"""The SQLite store: one file, one writer thread."""
