"""What goes to stdout: for people lines, for programs JSON."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def print_json(document: Any) -> None:
    """One JSON document."""
    print(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def print_json_line(document: Any) -> None:
    """One JSON document in a line, at once."""
    print(json.dumps(document, ensure_ascii=False, allow_nan=False), flush=True)


def print_text(text: str) -> None:
    """Lines; a question mark stands for what the encoding of stdout lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding))


def print_columns(rows: Iterable[Sequence[str]]) -> None:
    """Rows of texts, each column as wide as its widest text."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())
