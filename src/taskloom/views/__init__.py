"""Declared searchable tables, pure."""
