"""The queries of the documents, as Prometheus is asked them in a test that lasts seconds."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OF_FLEETS = [ROOT / "docs" / "fleet_drift.md", ROOT / "docs" / "runbooks" / "drift.md"]
"""What these ask takes two replicas and rules about both."""
SECONDS_FOR_WEEKS = {"[1w:1h]": "[5s:1s]", "offset 1w": "offset 1s"}
"""Ranges that no test can wait for, and what shows the same there."""
_INLINE = r"(?<!`)`((?:sum|count|max|min|topk|rate|increase)\b[^`\n]*\([^`\n]+\)|\w+ / \w+)`"


def queries(*pages: Path) -> list[str]:
    """Those of the blocks, where a line that is indented belongs to the one before, and those within sentences."""
    texts = [page.read_text(encoding="utf-8") for page in pages]
    blocks = [block for text in texts for block in re.findall(r"```promql\n(.*?)```", text, re.DOTALL)]
    lines = [re.sub(r"^(#.*)?\n", "", block, flags=re.MULTILINE) for block in blocks]
    inline = [query for text in texts for query in re.findall(_INLINE, text)]
    return [query for block in lines for query in re.split(r"\n(?! )", block.strip())] + inline


def soon(query: str) -> str:
    """The same of seconds, where a query is about weeks."""
    for weeks, seconds in SECONDS_FOR_WEEKS.items():
        query = query.replace(weeks, seconds)
    return query


def whether(query: str) -> str:
    """A condition as a number, 0 where it does not hold: there is none only where there is nothing to judge."""
    return re.sub(r"\s>\s", " > bool ", query)
