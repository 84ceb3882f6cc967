"""Makes up what guests wrote, and labels of most of it as a target of Label Studio writes them."""

import json
import random
import sys
from pathlib import Path

TEXTS, LABELED = 60, 40
COMMON = ["the", "room", "a", "bed", "was", "and", "our", "with", "in", "this", "breakfast", "elephant", "window"]
WORDS = {"good": ["lovely", "clean", "quiet", "friendly", "bright"], "bad": ["dirty", "loud", "rude", "cold", "broken"]}
CONFIG = """<View>
  <Text name="text" value="$text" valueType="url"/>
  <Choices name="mood" toName="text"><Choice value="good"/><Choice value="bad"/></Choices>
</View>
"""


def main() -> None:
    top, chance = Path(sys.argv[1]), random.Random(60)
    (top / "texts").mkdir(parents=True)
    (top / "labels/.howdah").mkdir(parents=True)
    (top / "labels/.howdah/labeling.xml").write_text(CONFIG)
    for number in range(TEXTS):
        mood = chance.choice(sorted(WORDS))
        other = "bad" if mood == "good" else "good"
        words = chance.choices(COMMON, k=8) + chance.choices(WORDS[mood], k=4) + chance.choices(WORDS[other], k=1)
        chance.shuffle(words)
        (top / f"texts/{number}.txt").write_text(" ".join(words) + ".\n")
        if number < LABELED:
            (top / f"labels/{number}.json").write_text(json.dumps(task(number, mood)))


def task(number: int, mood: str) -> "dict[str, object]":
    chosen = {"from_name": "mood", "to_name": "text", "type": "choices", "value": {"choices": [mood]}}
    return {
        "id": number + 1,
        "data": {"text": f"pfs://default/texts@master:/{number}.txt"},
        "annotations": [{"id": number + 1, "result": [chosen], "was_cancelled": False}],
        "predictions": [],
    }


if __name__ == "__main__":
    main()
