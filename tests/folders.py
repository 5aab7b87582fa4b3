"""Folders of bundles, as a server reads them."""

from pathlib import Path

from assayd_server.loading import Load
from assayd_server.reloading import Reloading
from assayd_server.repository import Repository


def load_folder(root: Path, load: Load) -> Repository:
    """The models of a folder, as a server has them when it starts."""
    reloading = Reloading(root, load)
    reloading.begin()
    return reloading.repository
