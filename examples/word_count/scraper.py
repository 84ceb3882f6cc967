"""Fetches the addresses on standard input, one a line, into the folder that is named; 4 if one is missing."""

import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

MISSING = 4


def main() -> int:
    folder, code = Path(sys.argv[1]), 0
    for address in filter(None, map(str.strip, sys.stdin)):
        name = urlsplit(address).path.strip("/").replace("/", "_") or "index.html"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            print(f"{address}: {error}")
            code = MISSING
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return code


if __name__ == "__main__":
    sys.exit(main())
