"""Counts the words of each file of a folder: OUT/<the file's name>/<word> holds how often it is there."""

import re
import sys
from collections import Counter
from pathlib import Path

MARKUP, WORD = re.compile(r"<[^>]*>"), re.compile(r"[a-z]+")


def main() -> None:
    source, out = map(Path, sys.argv[1:])
    for page in sorted(path for path in source.rglob("*") if path.is_file()):
        words = Counter(WORD.findall(MARKUP.sub(" ", page.read_text("utf-8", "replace")).lower()))
        folder = out / page.name
        folder.mkdir(parents=True, exist_ok=True)
        for word, count in words.items():
            (folder / word).write_text(f"{count}\n")


if __name__ == "__main__":
    main()
