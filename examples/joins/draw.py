"""Makes up shops, what was bought in them and what came back: three folders in the one that is named."""

import json
import sys
from pathlib import Path

ZIP_CODES = {1: "02108", 2: "90210", 3: "02108", 4: "94107", 5: "90210"}
PURCHASES = ((101, 1), (102, 1), (103, 2), (104, 2), (105, 3), (106, 5))
RETURNS = ((101, 1), (104, 2), (900, 9))


def main() -> None:
    top = Path(sys.argv[1])
    for name in ("stores", "purchases", "returns"):
        (top / name).mkdir(parents=True, exist_ok=True)
    for store, code in ZIP_CODES.items():
        shop = {"storeid": str(store), "name": f"Shop {store}", "address": {"zipcode": code, "country": "US"}}
        (top / f"stores/STOREID{store}.txt").write_text(json.dumps(shop))
    for name, orders in (("purchases", PURCHASES), ("returns", RETURNS)):
        for order, store in orders:
            told = {"order": f"ORDERW{order}", "storeid": str(store), "total": order % 100 * 10}
            (top / name / f"ORDERW{order}_STOREID{store}.txt").write_text(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
