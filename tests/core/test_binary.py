"""Two classes from one column, against SciPy."""

import numpy as np
import pytest
import scipy.special

from assayd_server.core.binary import two_classes_of_logit, two_classes_of_probability
from assayd_server.core.softmax import softmax


def test_the_softmax_of_both_classes_is_the_sigmoid_of_the_one_logit() -> None:
    z = np.linspace(-20, 20, 41)[:, None]
    p = softmax(two_classes_of_logit(z))
    np.testing.assert_allclose(p[:, 1], scipy.special.expit(z[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_the_probabilities_of_both_classes_sum_to_one() -> None:
    p = np.array([[0.0], [0.25], [1.0]])
    np.testing.assert_array_equal(two_classes_of_probability(p), [[1, 0], [0.75, 0.25], [0, 1]])


@pytest.mark.parametrize("function", [two_classes_of_logit, two_classes_of_probability])
def test_the_dtype_and_the_number_of_rows_are_kept(function) -> None:
    assert function(np.zeros((0, 1), np.float32)).shape == (0, 2)
    assert function(np.zeros((3, 1), np.float32)).dtype == np.float32
