"""Loads, decides, saves, answers: one transaction for many commands."""
