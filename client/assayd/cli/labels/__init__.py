"""`assayctl labels`: its commands."""

import typer

from assayd.cli.exits import MEANINGS
from assayd.cli.labels.assess import assess
from assayd.cli.labels.evaluate import evaluate
from assayd.cli.labels.propose import propose
from assayd.cli.securing import secured

labels = typer.Typer(
    name="labels",
    help="Find labels that are probably wrong, judge predictions by verified ones, propose labels for other rows.",
    rich_markup_mode=None,
)
for _command in (assess, evaluate, propose):
    labels.command(epilog=MEANINGS)(secured(_command))
