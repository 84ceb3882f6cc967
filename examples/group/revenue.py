"""Adds up the orders of one shop, takes off what came back, and writes the sum to a file named after the shop."""

import json
from pathlib import Path


def total(name: str) -> int:
    folder = Path("/pfs", name)
    return sum(json.loads(path.read_text())["total"] for path in folder.rglob("*.txt")) if folder.exists() else 0


def main() -> None:
    shops = [path.stem for path in Path("/pfs").rglob("*STOREID*.txt")]
    shop = "STOREID" + shops[0].rpartition("STOREID")[2]
    Path("/pfs/out", f"{shop}.txt").write_text(f"{total('purchases') - total('returns')}\n")


if __name__ == "__main__":
    main()
