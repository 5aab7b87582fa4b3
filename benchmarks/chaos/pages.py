"""What long runs leave: the figures, and the table in docs/reliability.md."""

import json
from collections.abc import Sequence

from benchmarks.chaos.faults import Fault, table
from benchmarks.soak.pages import END, PAGE, RESULTS

BEGIN = "<!-- what make chaos found -->\n"
PATH = RESULTS / "chaos.json"


def write(faults: Sequence[Fault]) -> None:
    """The figures of these, beside those of others from before, and the table of all of them."""
    documents = _documents() | {fault.name: fault.document() for fault in faults}
    content = {"command": "python -m benchmarks.chaos", "faults": documents}
    PATH.write_text(json.dumps(content, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}{found()}\n{END}{rest.partition(END)[2]}")


def found() -> str:
    """The table of all faults that have figures."""
    return table([Fault.of(document) for document in _documents().values()], short=False)


def _documents() -> dict[str, dict[str, object]]:
    return dict(json.loads(PATH.read_text())["faults"]) if PATH.exists() else {}
