"""What is said of labels, as messages."""

import numpy as np

from assayd.arrays import encode
from assayd.v1 import labeling_pb2
from assayd_server.core.arrays import Floats
from assayd_server.core.labels import accuracy, f1, mean_average_precision, precision, recall
from assayd_server.core.tasks import Task
from assayd_server.labeling import Assessment, Evaluation
from assayd_server.rpc.responses import identity
from assayd_server.scoring import Scores


def assessed(assessment: Assessment) -> labeling_pb2.AssessLabelsResponse:
    """What is wrong with labels."""
    given, judged = assessment.given, assessment.judged
    response = labeling_pb2.AssessLabelsResponse(
        given=labeling_pb2.GivenLabels(counts=encode(given.counts), sums=encode(given.sums)),
        invalid_rows=_invalid(assessment.scores),
    )
    say_model(response, assessment.scores)
    if judged is not None:
        shape = assessment.labels_shape
        response.quality.CopyFrom(encode(judged.quality.astype(np.float32).reshape(shape)))
        response.suspected.CopyFrom(encode(judged.suspected.reshape(shape)))
        response.joint.CopyFrom(encode(judged.joint))
        response.noise_matrix.CopyFrom(encode(judged.noise_matrix))
        response.noise_share.CopyFrom(encode(judged.noise_shares))
    return response


def evaluated(evaluation: Evaluation) -> labeling_pb2.EvaluateResponse:
    """How good predictions are."""
    confusion, bins = evaluation.confusion, evaluation.reliability
    of_labels = evaluation.scores.plan.task is Task.MULTILABEL

    def of_classes(shares: Floats) -> Floats:
        """(c,) of (q, k): of labels by themselves, those of being present."""
        return np.ascontiguousarray(shares[:, 1] if of_labels else shares[0])

    response = labeling_pb2.EvaluateResponse(
        confusion=encode(confusion),
        accuracy=accuracy(confusion),
        precision=encode(of_classes(precision(confusion))),
        recall=encode(of_classes(recall(confusion))),
        f1=encode(of_classes(f1(confusion))),
        average_precision=encode(evaluation.average_precisions),
        mean_average_precision=mean_average_precision(evaluation.average_precisions),
        pooled_average_precision=evaluation.pooled_average_precision,
        calibration_error=bins.error,
        calibration=encode(np.stack([bins.counts, bins.right, bins.confidences])),
        invalid_rows=_invalid(evaluation.scores),
    )
    say_model(response, evaluation.scores)
    return response


def say_model(
    response: labeling_pb2.AssessLabelsResponse
    | labeling_pb2.EvaluateResponse
    | labeling_pb2.ProposeLabelsResponse,
    scores: Scores,
) -> None:
    """Which model answered, where one did."""
    if scores.plan.model is not None:
        response.model.CopyFrom(identity(scores.plan.model.identity))


def _invalid(scores: Scores) -> list[int]:
    return np.flatnonzero(~scores.rows.valid).tolist()
