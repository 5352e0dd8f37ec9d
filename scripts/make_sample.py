"""Write the sample that koudai ships: from the full file of invoice lines, one line for every invoice.

    python scripts/make_sample.py FULL.parquet [SAMPLE.parquet]

The sample has the columns and types of Online Retail II, and reads as the very same invoices: a line has
the earliest time and the rounded amount of its invoice. Run it when `dataset.read` changes its mind.
"""

import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from koudai.jobs.replay import dataset

COLUMNS: dict[str, pa.DataType] = {
    "Invoice": pa.string(),
    "StockCode": pa.string(),
    "Description": pa.string(),
    "Quantity": pa.int64(),
    "InvoiceDate": pa.string(),
    "Price": pa.float64(),
    "Customer ID": pa.float64(),
    "Country": pa.string(),
}
LONDON = ZoneInfo("Europe/London")


def write_sample(full: Path, sample: Path) -> dataset.Dataset:
    """Write the sample and return its invoices; raises when they aren't those of the full file."""
    known = dataset.read(full)
    lines = Counter(pq.read_table(full, columns=["Invoice"])["Invoice"].to_pylist())
    rows = [row(invoice, lines[invoice.number]) for invoice in known.invoices]
    table = pa.Table.from_pylist(rows, schema=pa.schema(COLUMNS))
    pq.write_table(table, sample, compression="zstd", compression_level=19)
    if dataset.read(sample) != known:
        raise SystemExit(f"{sample} does not read as the invoices of {full}")
    return known


def row(invoice: dataset.Invoice, lines: int) -> dict[str, object]:
    """The one line of an invoice; a price in pence of up to 15 digits is exact as a double's shortest decimal."""
    return {
        "Invoice": invoice.number,
        "StockCode": "TOTAL",
        "Description": f"{lines} line" if lines == 1 else f"{lines} lines",
        "Quantity": -1 if invoice.minor < 0 else 1,
        "InvoiceDate": invoice.at.astimezone(LONDON).strftime("%Y-%m-%d %H:%M:%S"),
        "Price": float(Decimal(f"{abs(invoice.minor)}E-2")),
        "Customer ID": None if invoice.customer is None else float(invoice.customer),
        "Country": invoice.country,
    }


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else dataset.sample_path()
    written = write_sample(Path(sys.argv[1]), out)
    print(f"{out}: {len(written.invoices)} invoices, {out.stat().st_size} bytes, digest {written.digest}")
