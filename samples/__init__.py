"""Sample documents that we make ourselves: invoices whose truth is known, and files meant to do harm.

The folder stands at the root of the repository because tests, demo and benchmarks all import it
(`from samples.invoices import make_invoice`) while the wheel, built from `src/`, must not carry it. Scripts
started from the root find it by themselves; pytest finds it through `pythonpath` in pyproject.toml.
"""
