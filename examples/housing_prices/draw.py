"""Makes up flats: rooms, share of poor neighbours, pupils a teacher, and price, into the CSV file that is named."""

import csv
import random
import sys


def main() -> None:
    chance = random.Random(1978)
    with open(sys.argv[1], "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("RM", "LSTAT", "PTRATIO", "MEDV"))
        for _ in range(200):
            rooms, poor, pupils = chance.gauss(6.3, 0.7), chance.uniform(2, 37), chance.uniform(12.6, 22)
            price = 20 + 5 * rooms - 0.6 * poor - 0.9 * pupils + chance.gauss(0, 1)
            rows.writerow(f"{value:.3f}" for value in (rooms, poor, pupils, price))


if __name__ == "__main__":
    main()
