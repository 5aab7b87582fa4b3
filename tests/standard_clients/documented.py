"""The snippets of a page that are for tritonclient's environment: python documented.py ADDRESS PAGE."""

import re
import sys
from pathlib import Path

if __name__ == "__main__":
    address, page = sys.argv[1:]
    snippets = re.findall(r"```py\n(.*?)```", Path(page).read_text(encoding="utf-8"), re.DOTALL)
    for snippet in snippets:
        exec(compile(snippet.replace("localhost:50051", address), page, "exec"), {})  # noqa: S102
    sys.exit(0 if snippets else 1)
