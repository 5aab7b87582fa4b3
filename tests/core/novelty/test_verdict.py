"""Known, novel or an anomaly."""

import numpy as np

from assayd_server.core.novelty.verdict import INVALID, VERDICTS, verdicts

NAN = np.nan


def test_a_row_is_known_until_its_p_value_is_at_most_alpha_and_then_novel_or_an_anomaly() -> None:
    p_class = np.array([0.06, 0.05, 0.05, 0.06, 0.01])
    p_domain = np.array([0.9, 0.9, 0.05, 0.01, 0.06])
    found = verdicts(p_class, p_domain, 0.05)
    assert [VERDICTS[code] for code in found] == ["known", "novel", "anomaly", "known", "novel"]
    assert found.dtype == np.int8


def test_a_row_without_p_values_has_no_verdict_and_without_an_embedding_nothing_is_an_anomaly() -> None:
    found = verdicts(np.array([NAN, 0.01, 0.5]), np.full(3, NAN), 0.05)
    assert found.tolist() == [INVALID, VERDICTS.index("novel"), VERDICTS.index("known")]
