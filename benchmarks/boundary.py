"""What lies beside the boundary between rows of two classes: python -m benchmarks.boundary [--short].

Heads by logistic regression on a few labels of digits: of ten classes, with 40 pairs by chance, and of nines
against the others, with each labelled row and the nearest one of the other class. Shown is p1 - p2 under the head,
the mean over ten draws of labels (less those without a nine): of the three unlabelled rows nearest to the boundary
on the straight way, to that on the arc between the directions, and to the point halfway; of those nearest to the
rows of the pairs; of any row; and of the three least certain of the ten nearest to the boundary.
docs/decisions/0018 has the table.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

import assayd_server.demo
from assayd_server.core.boundaries import between, boundaries

DEMO = Path(assayd_server.demo.__file__).parent
STEPS, PAIRS, NEAREST, MORE = 40, 40, 3, 10
COLUMNS = ("straight", "arc", "halfway", "beside the rows of the pairs", "any row", "least certain of ten")


class Pool:
    """Rows, of which some have labels, and a head that was trained on these."""

    def __init__(self, vectors: np.ndarray, labels: np.ndarray, *, labeled: int, nines: bool, seed: int) -> None:
        self.random = np.random.default_rng(seed + 1_000)
        self.vectors, self.units = vectors, _unit(vectors)
        self.labeled = _drawn(labels, labeled, seed)
        self.free = np.ones(len(vectors), bool)
        self.free[self.labeled] = False
        classes = labels == 9 if nines else labels
        head = LogisticRegression(max_iter=500).fit(vectors[self.labeled], classes[self.labeled])
        self._weights = np.vstack([0 * head.coef_, head.coef_]) if nines else head.coef_
        self._bias = np.append(0, head.intercept_) if nines else head.intercept_
        scores = np.sort(self._probabilities(), axis=1)
        self.margins = scores[:, -1] - scores[:, -2]

    def logits(self, vectors: np.ndarray) -> np.ndarray:
        """(n, c)"""
        return vectors @ self._weights.T + self._bias

    def pairs(self, *, nearest: bool) -> np.ndarray:
        """(m, 2) labelled rows of different classes."""
        predicted = self.logits(self.vectors[self.labeled]).argmax(axis=1)
        differ = predicted[:, None] != predicted
        if nearest:
            units = self.units[self.labeled]
            others = np.where(differ, units @ units.T, -np.inf).argmax(axis=1)
            return self.labeled[np.column_stack([np.arange(len(others)), others])]
        every = np.argwhere(differ)
        return self.labeled[every[self.random.choice(len(every), PAIRS, replace=False)]]

    def beside(self, points: np.ndarray, count: int = NEAREST) -> np.ndarray:
        """(m, count) the nearest rows without a label, under cosine."""
        similar = np.where(self.free, _unit(points) @ self.units.T, -np.inf)
        return np.argsort(-similar, axis=1)[:, :count]

    def _probabilities(self) -> np.ndarray:
        logits = self.logits(self.vectors)
        scores = np.exp(logits - logits.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def figures(pool: Pool, *, nearest: bool) -> tuple[float, ...]:
    """The mean of p1 - p2 of each column."""
    first, second = pool.vectors[pool.pairs(nearest=nearest).T]
    straight = between(first, second, boundaries(pool.logits(first), pool.logits(second)).positions)
    arc = np.array([_on_the_arc(pool, *ends) for ends in zip(first, second, strict=True)])
    ends = np.concatenate([first, second])
    found = [pool.margins[pool.beside(points)].mean() for points in (straight, arc, (first + second) / 2, ends)]
    least = np.sort(pool.margins[pool.beside(straight, MORE)], axis=1)[:, :NEAREST].mean()
    return *map(float, found), float(pool.margins[pool.free].mean()), float(least)


def _on_the_arc(pool: Pool, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The boundary between two directions, with lengths in between, by bisection."""
    lengths = [np.linalg.norm(end) for end in (first, second)]
    angle = np.arccos(np.clip(_unit(first) @ _unit(second), -1, 1))

    def point(share: float) -> np.ndarray:
        turned = np.sin((1 - share) * angle) * _unit(first) + np.sin(share * angle) * _unit(second)
        return turned / np.sin(angle) * ((1 - share) * lengths[0] + share * lengths[1])

    def same(share: float) -> bool:
        return bool(pool.logits(point(share)).argmax() == pool.logits(first).argmax())

    return point(_bisected(same))


def _bisected(same: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if same(middle) else (low, middle)
    return (low + high) / 2


def _drawn(labels: np.ndarray, labeled: int, seed: int) -> np.ndarray:
    """The rows that are labelled."""
    return np.random.default_rng(seed).choice(len(labels), labeled, replace=False)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _pools() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, vectors and labels."""
    folder = DEMO / "models" / "digits" / "1" / "pool"
    vectors = np.load(folder / "vectors.npy") * np.load(folder / "lengths.npy")[:, None]
    yield "demo", vectors.astype(np.float64), np.load(DEMO / "held_out.npz")["labels"]
    images, labels = load_digits(return_X_y=True)
    yield "images", images - images.mean(axis=0), labels


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true", help="two draws of labels instead of ten")
    draws = range(2 if parser.parse_args().short else 10)
    print("| pool | classes, labels |", " | ".join(COLUMNS), "|")
    print("|---" * (2 + len(COLUMNS)) + "|")
    for name, vectors, labels in _pools():
        for nines in (False, True):
            for labeled in (20, 50):
                seeds = [seed for seed in draws if not nines or (labels[_drawn(labels, labeled, seed)] == 9).any()]
                pools = [Pool(vectors, labels, labeled=labeled, nines=nines, seed=seed) for seed in seeds]
                means = map(mean, zip(*(figures(pool, nearest=nines) for pool in pools), strict=True))
                classes = "nines" if nines else "ten"
                print(f"| {name} | {classes}, {labeled} |", " | ".join(f"{each:.3f}" for each in means), "|")


if __name__ == "__main__":
    main()
