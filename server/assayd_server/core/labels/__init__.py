"""Labels: which are probably wrong, how good predictions are beside verified ones, and which a model may give.

Which labels are wrong takes two passes over the rows, each of which adds up over parts: how probable the given
labels are (given_labels), which gives the thresholds, and what is confidently something else (joint_counts).
"""

from assayd_server.core.labels.average_precision import (
    average_precision,
    average_precisions,
    mean_average_precision,
    pooled_average_precision,
)
from assayd_server.core.labels.class_quotas import COUNT_MAX, PRIOR_TOLERANCE, quotas_of_prior
from assayd_server.core.labels.class_weights import effective_number, inverse_frequency
from assayd_server.core.labels.confident_joint import confident_answers, joint_counts, suspected
from assayd_server.core.labels.confusion import accuracy, confusion_matrix, f1, precision, recall
from assayd_server.core.labels.noise import label_joint, noise_matrix, noise_shares
from assayd_server.core.labels.proposals import ACCEPTED, REASONS, Reason, row_reasons, within_quotas
from assayd_server.core.labels.quality import Quality, label_quality
from assayd_server.core.labels.questions import UNKNOWN, of_classes, of_labels, truth_of_classes
from assayd_server.core.labels.reliability import Reliability, reliability
from assayd_server.core.labels.thresholds import GivenLabels, given_labels

__all__ = [
    "ACCEPTED",
    "COUNT_MAX",
    "PRIOR_TOLERANCE",
    "REASONS",
    "UNKNOWN",
    "GivenLabels",
    "Quality",
    "Reason",
    "Reliability",
    "accuracy",
    "average_precision",
    "average_precisions",
    "confident_answers",
    "confusion_matrix",
    "effective_number",
    "f1",
    "given_labels",
    "inverse_frequency",
    "joint_counts",
    "label_joint",
    "label_quality",
    "mean_average_precision",
    "noise_matrix",
    "noise_shares",
    "of_classes",
    "of_labels",
    "pooled_average_precision",
    "precision",
    "quotas_of_prior",
    "recall",
    "reliability",
    "row_reasons",
    "suspected",
    "truth_of_classes",
    "within_quotas",
]
