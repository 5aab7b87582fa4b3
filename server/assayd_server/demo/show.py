"""What the demo prints."""

import numpy as np
from numpy.typing import NDArray

from assayd.results import ModelInfo, Scores
from assayd.watch_report import WatchReport

_SHADES = np.array(list(" ░▒▓█"))
_PIXEL_MAX = 16
_SIDE = 8
_COLUMN = 2 * _SIDE + 4
SHOWN = 5


def model(info: ModelInfo, port: int) -> None:
    """Which model is served."""
    print(
        f"Serving {info.name} version {info.version} on port {port}: {info.class_count} classes, "
        f"{info.digest[:19]}"
    )


def accuracy(scores: Scores, digits: NDArray[np.uint8]) -> None:
    """How many of the held-out images were read rightly."""
    right = np.count_nonzero(scores.predictions == digits)
    print(f"Accuracy on {len(digits)} images that it has never seen: {right / len(digits):.1%}")


def latency(seconds: list[float]) -> None:
    """The time of calls with one row."""
    p50, p99 = 1000 * np.percentile(seconds, (50, 99))
    print(f"One row a call, {len(seconds):,} calls one after the other: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def throughput(rows: int, seconds: float) -> None:
    """How fast a pool goes through."""
    print(f"Streamed {rows:,} rows in {seconds:.2f} s: {rows / seconds:,.0f} rows per second")


def most_uncertain(images: NDArray[np.uint8], digits: NDArray[np.uint8], scores: Scores) -> None:
    """The images whose entropy is largest, side by side: the ones that are worth a label."""
    entropy, chosen = scores.uncertainty["entropy"], _least_sure(scores)
    print(f"\nThe {SHOWN} images of which it is least sure:\n")
    _pictures(images[chosen])
    assert scores.top is not None  # the demo asked for it
    _columns([f"entropy {entropy[row]:.2f}" for row in chosen])
    _columns([f"read as {scores.labels[row]}, is {digits[row]}" for row in chosen])
    for place in range(2):
        labels, shares = scores.top.labels[:, place], scores.top.probabilities[:, place]
        _columns([f"  {labels[row]}: {shares[row]:.0%}" for row in chosen])


def most_similar(images: NDArray[np.uint8], scores: Scores) -> None:
    """The images of the unlabelled pool that are most like the one of which it is least sure."""
    row, neighbors = _least_sure(scores)[0], scores.neighbors
    assert neighbors is not None  # the demo asked for it
    others = neighbors.ids[row] != row  # the pool is of these very images
    alike, similarities = neighbors.ids[row][others][:SHOWN], neighbors.similarities[row][others][:SHOWN]
    print("\nThe images in its pool that are most like the first of these, from the same forward pass:\n")
    _pictures(images[alike])
    _columns([f"cosine {similarity:.2f}" for similarity in similarities])
    _columns([f"read as {scores.labels[other]}" for other in alike])


def stream(images: NDArray[np.uint8], spoilt: NDArray[np.uint8], healthy_rows: int) -> None:
    """What comes in."""
    print(f"\nA stream of such images; after {healthy_rows:,} of them, ever more are turned and blurred:\n")
    _pictures(images)
    _pictures(spoilt)
    print()


def report(found: WatchReport) -> None:
    """A line of the stream, and at an alarm what has moved."""
    print(f"  {found}")


def _least_sure(scores: Scores) -> NDArray[np.intp]:
    return np.argsort(-scores.uncertainty["entropy"], kind="stable")[:SHOWN]


def _pictures(images: NDArray[np.uint8]) -> None:
    for lines in zip(*map(_picture, images), strict=True):
        _columns(lines)


def _picture(image: NDArray[np.uint8]) -> list[str]:
    """An image as lines of text; each pixel is two characters wide, so that it is about square."""
    levels = image.astype(int) * (len(_SHADES) - 1) // _PIXEL_MAX
    return ["".join(np.repeat(line, 2)) for line in _SHADES[levels].reshape(_SIDE, _SIDE)]


def _columns(texts: list[str] | tuple[str, ...]) -> None:
    print(("  " + "".join(text.ljust(_COLUMN) for text in texts)).rstrip())
