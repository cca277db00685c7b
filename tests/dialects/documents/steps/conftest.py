"""What the steps' tests share: the entities of the samples and reading without a process."""

import msgspec
import pytest

from samples.invoices import INVOICE_SCHEMA
from taskloom.flows.document.schema import Schema
from taskloom.flows.document.validation import parse_schema


@pytest.fixture(scope="session")
def entities():
    schema = parse_schema(msgspec.json.encode(INVOICE_SCHEMA))
    assert isinstance(schema, Schema)
    return schema.entities
