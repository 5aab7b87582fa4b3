"""What is said of each row: by one model, or by the members of a committee."""

from dataclasses import dataclass, replace

import numpy as np

from assayd_server.core.arrays import Booleans, Floats, Integers
from assayd_server.core.committee import CommitteeMeasure, committee_uncertainty, committee_variance
from assayd_server.core.density import information_density, mean_direction
from assayd_server.core.row_uncertainty import uncertainty_of_logits, uncertainty_of_probabilities
from assayd_server.core.scores import scores_of_logits, scores_of_probabilities
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.forward import Forward
from assayd_server.ranking_wanted import Density


@dataclass(frozen=True, slots=True)
class Opinions:
    """On n rows."""

    task: Task
    forward: Forward
    """Logits or probabilities of one model, where there is no committee; and embeddings, where there are any."""
    temperature: float = 1.0
    """Of the forward pass; what members give has been divided by theirs."""
    members: Floats | None = None
    """(m, n, c) probabilities or (m, n, t) values of a committee."""
    clusters: Integers | None = None
    """(n,) where the rows are known to lie in clusters."""

    def clustered(self, clusters: Integers) -> "Opinions":
        """The same on rows that lie in these clusters."""
        return replace(self, clusters=clusters)

    def uncertainty(self, measure: Measure | CommitteeMeasure, density: Density) -> Floats:
        """(n,), larger is more uncertain; NaN for a row that cannot be scored."""
        if measure is not Measure.INFORMATION_DENSITY:
            return self._plain(measure)
        embeddings = self.forward.embeddings
        assert embeddings is not None  # the checks saw to it
        direction = mean_direction(embeddings) if density.direction is None else density.direction
        return information_density(self._plain(density.base), embeddings, direction, density.beta)

    def class_probabilities(self, rows: Integers | Booleans) -> Floats:
        """(k, c) of some rows, of a committee the mean."""
        if self.members is not None:
            return self.members[:, rows].mean(axis=0)
        if self.forward.logits is not None:
            logits = self.forward.logits[rows]
            return scores_of_logits(logits, task=self.task, temperature=self.temperature).probabilities
        assert self.forward.probabilities is not None  # a forward pass gives one or the other
        probabilities = self.forward.probabilities[rows]
        return scores_of_probabilities(probabilities, task=self.task, temperature=self.temperature).probabilities

    def _plain(self, measure: Measure | CommitteeMeasure) -> Floats:
        if isinstance(measure, CommitteeMeasure):
            assert self.members is not None  # the checks saw to it
            if measure is CommitteeMeasure.VARIANCE:
                return committee_variance(self.members)
            return committee_uncertainty(self.members, measure)
        if self.members is not None:
            mean = self.members.mean(axis=0)
            return uncertainty_of_probabilities(mean, task=self.task, temperature=1.0, measure=measure)
        task, temperature = self.task, self.temperature
        if self.forward.logits is not None:
            return uncertainty_of_logits(self.forward.logits, task=task, temperature=temperature, measure=measure)
        assert self.forward.probabilities is not None  # a forward pass gives one or the other
        return uncertainty_of_probabilities(
            self.forward.probabilities, task=task, temperature=temperature, measure=measure
        )


def probabilities_of(forward: Forward, *, task: Task, temperature: float) -> Floats:
    """(n, c) of a whole forward pass, or the values of a regression model; NaN for rows that cannot be scored."""
    if forward.values is not None:
        return forward.values
    return Opinions(task, forward, temperature).class_probabilities(np.ones(_row_count(forward), np.bool_))


def _row_count(forward: Forward) -> int:
    scores = forward.logits if forward.logits is not None else forward.probabilities
    assert scores is not None  # a forward pass gives one or the other
    return len(scores)
