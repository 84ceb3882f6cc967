"""Makes up results of a laboratory: T<number>-PAT<patient>-CLIA<hospital>.txt, in the folder that is named."""

import sys
from pathlib import Path

RESULTS = ((1, "A", "31"), (2, "B", "31"), (3, "A", "32"), (4, "C", "32"), (5, "A", "31"))


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, patient, hospital in RESULTS:
        (folder / f"T{number}-PAT{patient}-CLIA{hospital}.txt").write_text(f"test {number}: fine\n")


if __name__ == "__main__":
    main()
