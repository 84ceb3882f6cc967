"""Divides each CSV file into OUT/<its name>/train.csv and test.csv, by the hashes of its rows."""

import argparse
import zlib
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--test-size", type=float)
    told = parser.parse_args()
    for path in sorted(told.input.rglob("*.csv")):
        head, *rows = path.read_text().splitlines(keepends=True)
        tested = [zlib.crc32(row.encode()) / (1 << 32) < told.test_size for row in rows]
        folder = told.output / path.stem
        folder.mkdir(parents=True)
        for name, wanted in (("train.csv", False), ("test.csv", True)):
            chosen = [row for row, is_tested in zip(rows, tested) if is_tested == wanted]
            (folder / name).write_text(head + "".join(chosen))


if __name__ == "__main__":
    main()
