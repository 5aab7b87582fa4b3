"""What is known of each way to ask each model: a call that asks like one before it is not checked anew."""

from collections.abc import Callable

from assayd_server.asks import Ask, Known, forms_max
from assayd_server.plan import Plan
from assayd_server.repository import Failure, Follower
from assayd_server.rows import Inputs
from assayd_server.scoring_pass import ScoringPass
from assayd_server.servable import Servable

_ASKS_MAX = 512
"""Of each model, of which something is known."""


class KnownAsks(Follower):
    """Asks of the models that are served; what is gone is kept by nothing here."""

    def __init__(self, scoring: ScoringPass, check: Callable[[Plan], None]) -> None:
        """Nothing is known yet.

        Args:
            scoring: knows what else there is to know of a plan.
            check: raises ServiceError where a plan cannot be answered.
        """
        self._scoring = scoring
        self._check = check
        self._known: dict[Servable, dict[Ask, Known]] = {}

    def added(self, model: Servable) -> None:
        """Its calls may be known from now on."""
        self._known[model] = {}

    def removed(self, model: Servable) -> None:
        """Know no more of it."""
        self._known.pop(model, None)

    def failed(self, failure: Failure) -> None:
        """Such a model has no calls."""

    def known(self, ask: Ask, rows: Inputs, model: Servable) -> Known:
        """What is known of such a call, which passes every check.

        Args:
            ask: what it asks for.
            rows: of inputs; as many and fewer pass from now on.
            model: the one that is asked. Of one that is not served nothing is kept.

        Raises:
            ServiceError: the call cannot be answered.
        """
        known = self._known.get(model, {}).get(ask)
        if known is None or rows.count > known.rows_max:
            known = self._checked(ask, rows, model)
        return known

    def _checked(self, ask: Ask, rows: Inputs, model: Servable) -> Known:
        self._check(Plan(rows, ask.wanted, model))
        known = self._scoring.known(Plan(Inputs((), 0), ask.wanted, model), rows.count)
        asks = self._known.get(model)
        if asks is not None:  # else it is gone, and nothing may keep it
            if len(asks) >= _ASKS_MAX:
                asks.clear()
            known.forms_max = forms_max(len(asks))
            asks[ask] = known
        return known
