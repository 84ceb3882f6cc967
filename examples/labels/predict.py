"""Says of each text which mood it has, by the model, in the form in which Label Studio's source reads predictions."""

import json
import math
import re
from pathlib import Path


def main() -> None:
    model = json.loads(Path("/pfs/train/model.json").read_text())
    for text in sorted(Path("/pfs/texts").rglob("*.txt")):
        words = re.findall("[a-z]+", text.read_text())
        chances = {mood: sum(likely(found, word) for word in words) for mood, found in model.items()}
        mood = max(chances, key=lambda each: chances[each])
        sure = 1 / sum(math.exp(chance - chances[mood]) for chance in chances.values())
        chosen = {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": [mood]}}
        target = Path("/pfs/out", text.relative_to("/pfs/texts").as_posix() + ".json")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"result": [chosen], "score": round(sure, 4)}) + "\n")


def likely(found: "dict[str, int]", word: str) -> float:
    """The logarithm of how likely a word is in a mood; one that was never there counts as if it had been, once."""
    return math.log((found.get(word, 0) + 1) / (sum(found.values()) + len(found)))


if __name__ == "__main__":
    main()
