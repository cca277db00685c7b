"""Delivery of outbox rows to the receivers' addresses."""
