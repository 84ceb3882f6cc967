"""Learns from labeled texts how often each word is in texts of each mood: /pfs/out/model.json."""

import json
import re
from collections import Counter
from pathlib import Path

LABELS, TEXTS = Path("/pfs/labels"), Path("/pfs/texts")


def main() -> None:
    words: dict[str, Counter[str]] = {}
    for path in sorted(LABELS.rglob("*.json")):
        task = json.loads(path.read_text())
        text = TEXTS / task["data"]["text"].partition(":/")[2].partition(":/")[2]
        for annotation in task["annotations"]:
            for region in annotation["result"]:
                mood = region["value"]["choices"][0]
                words.setdefault(mood, Counter()).update(re.findall("[a-z]+", text.read_text()))
    model = {mood: dict(sorted(found.items())) for mood, found in sorted(words.items())}
    Path("/pfs/out/model.json").write_text(json.dumps(model, indent=1) + "\n")
    print(f"{len(model)} moods")


if __name__ == "__main__":
    main()
