"""How much labels alone find, and how fast: real invoices against their XML, ours against known truth.

`./dev bench extraction` — real files come from TASKLOOM_SHARED (default `../shared`); the truth is the XML
inside, also where the print says something else. Our labels were written with these files at hand.
"""

import asyncio
import os
import time
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from samples.invoices import make_invoice
from taskloom.dialects.documents.steps.einvoice import read_einvoice
from taskloom.dialects.documents.steps.extract import propose
from taskloom.dialects.documents.steps.jobs import Extract
from taskloom.dialects.documents.steps.pdf import open_pdf
from taskloom.dialects.documents.steps.pool import StepPool
from taskloom.dialects.documents.steps.text import read_pages
from taskloom.flows.document.fields import KNOWN_FIELDS
from taskloom.flows.document.schema import Entity, EntityType

ENTITIES = tuple(Entity(field.name, field.type) for field in KNOWN_FIELDS if not field.name.endswith("_name"))
OURS = 300
SURE = 0.9


def main() -> None:
    folder = Path(os.environ.get("TASKLOOM_SHARED") or "../shared") / "invoices"
    files = sorted(folder.glob("*.pdf"))
    real: dict[str, Counter[str]] = defaultdict(Counter)
    seconds = sum(_compare_real(file.read_bytes(), real) for file in files)
    _print_table(f"{len(files)} real invoices, XML as truth, labels alone", real)
    if files:
        print(f"{seconds / len(files) * 1000:.1f} ms a file, text and values\n")

    ours: dict[str, Counter[str]] = defaultdict(Counter)
    begun = time.perf_counter()
    samples = [make_invoice(seed, has_xml=False) for seed in range(OURS)]
    made = time.perf_counter()
    for sample in samples:
        _compare(sample.data, sample.truth, ours)
    read = time.perf_counter()
    _print_table(f"{OURS} invoices of our own without XML", ours)
    making_ms, reading_ms = ((made - begun) / OURS * 1000, (read - made) / OURS * 1000)
    print(f"{making_ms:.1f} ms to make one, {reading_ms:.1f} ms to read it\n")

    for size in (1, 2):
        rate = asyncio.run(_through_pool([sample.data for sample in samples], size))
        print(f"{size} process{'es' if size > 1 else ''}: {rate:.0f} documents/s through the pool")


def _compare_real(data: bytes, table: dict[str, Counter[str]]) -> float:
    with open_pdf(data) as document:
        einvoice = read_einvoice(document)
    begun = time.perf_counter()
    if einvoice is not None:
        _compare(data, einvoice.fields, table)
    return time.perf_counter() - begun


def _compare(data: bytes, truth: dict[str, str], table: dict[str, Counter[str]]) -> None:
    with open_pdf(data) as document:
        layer = read_pages(document, lambda _page: None)
    found = {field.entity_id: field for field in propose(layer, None, ENTITIES).fields}
    for entity in ENTITIES:
        wanted = truth.get(entity.id)
        if wanted is None:
            continue
        field = found.get(entity.id)
        if field is None:
            table[entity.id]["nothing"] += 1
            continue
        is_right = _is_same(entity, field.normalized or "", wanted)
        sure = "sure" if field.confidence >= SURE else "unsure"
        table[entity.id][f"{'right' if is_right else 'wrong'}, {sure}"] += 1


def _is_same(entity: Entity, value: str, truth: str) -> bool:
    return Decimal(value) == Decimal(truth) if entity.type is EntityType.AMOUNT else value == truth


def _print_table(title: str, table: dict[str, Counter[str]]) -> None:
    columns = ("right, sure", "right, unsure", "wrong, unsure", "wrong, sure", "nothing")
    print(title)
    print(f"{'field':<18}" + "".join(f"{column:>15}" for column in columns))
    for name, counts in table.items():
        print(f"{name:<18}" + "".join(f"{counts[column] or '':>15}" for column in columns))


async def _through_pool(files: list[bytes], size: int) -> float:
    async with StepPool(size) as pool:
        await pool.run(Extract(files[0], ENTITIES))
        begun = time.perf_counter()
        await asyncio.gather(*(pool.run(Extract(data, ENTITIES)) for data in files))
        return len(files) / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
