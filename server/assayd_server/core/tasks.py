"""What a model tells of a row."""

from enum import StrEnum


class Task(StrEnum):
    """The kind of answer, by the name that callers use."""

    MULTICLASS = "multiclass"
    """Which one of c classes: a softmax."""
    MULTILABEL = "multilabel"
    """Which of c labels, any number of them: a sigmoid for each."""
    REGRESSION = "regression"
    """One or more real numbers."""
