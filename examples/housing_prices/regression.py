"""Fits a linear model to the rows of train.csv by least squares, and measures it by those of test.csv."""

import argparse
import csv
import json
from pathlib import Path


def read(path: Path, target: str) -> "tuple[list[str], list[list[float]], list[float]]":
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != target]
    return names, [[1.0, *(float(row[name]) for name in names)] for row in rows], [float(row[target]) for row in rows]


def solved(matrix: "list[list[float]]") -> "list[float]":
    """The solution of linear equations, each a row with its right side last, by Gauss's elimination."""
    size = len(matrix)
    for at in range(size):
        pivot = max(range(at, size), key=lambda row: abs(matrix[row][at]))
        matrix[at], matrix[pivot] = matrix[pivot], matrix[at]
        for row in range(size):
            if row != at:
                factor = matrix[row][at] / matrix[at][at]
                matrix[row] = [value - factor * other for value, other in zip(matrix[row], matrix[at])]
    return [matrix[at][size] / matrix[at][at] for at in range(size)]


def fit(rows: "list[list[float]]", prices: "list[float]") -> "list[float]":
    whole = [[*row, price] for row, price in zip(rows, prices)]
    return solved(
        [[sum(row[one] * row[other] for row in whole) for other in range(len(whole[0]))] for one in range(len(rows[0]))]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--target-col")
    told = parser.parse_args()
    for path in sorted(told.input.rglob("train.csv")):
        names, rows, prices = read(path, told.target_col)
        weights = fit(rows, prices)
        _, tested, truths = read(path.with_name("test.csv"), told.target_col)
        guesses = [sum(weight * value for weight, value in zip(weights, row)) for row in tested]
        mean = sum(truths) / len(truths)
        errors = [guess - truth for guess, truth in zip(guesses, truths)]
        spread = sum((truth - mean) ** 2 for truth in truths)
        metrics = {
            "r2": round(1 - sum(error * error for error in errors) / spread, 4),
            "mae": round(sum(map(abs, errors)) / len(errors), 4),
        }
        folder = told.output / path.parent.name
        folder.mkdir(parents=True)
        model = dict(zip(["constant", *names], (round(weight, 6) for weight in weights)))
        (folder / "model.json").write_text(json.dumps(model, indent=2) + "\n")
        (folder / "metrics.json").write_text(json.dumps(metrics) + "\n")


if __name__ == "__main__":
    main()
