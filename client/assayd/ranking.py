"""What rank and rank_stream do: the best of each piece, merged, and from these a diverse batch."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Unpack

from assayd.cutting import Piece
from assayd.errors import AssaydError, InvalidArgumentError
from assayd.kept import Kept
from assayd.piecework import Conditions, Piecework
from assayd.question import Question
from assayd.rank_options import CANDIDATES_FACTOR
from assayd.rank_rows import batch_ranked, beside_tensor
from assayd.rankings import Ranking, ranking_of
from assayd.refusals import rows_allowed
from assayd.rows import Rows
from assayd.steps import Emit, Steps
from assayd.tables.table import Table
from assayd.v1 import scoring_pb2, selection_pb2


class RankJob:
    """One rank or rank_stream call of the SDK, as steps.

    A batch that fits one call is ranked by it. Else each piece gives its best rows, of which as many are kept as
    are chosen from, and a last call on these chooses the diverse batch, or says how repetitive the batch is. All
    calls are answered by one version of each model.
    """

    def __init__(self, request: selection_pb2.RankRequest, **conditions: Unpack[Conditions]) -> None:
        """Nothing is sent yet.

        Args:
            request: everything but the rows.
            **conditions: deadline and limits.

        Raises:
            InvalidArgumentError: the request alone is larger than a message.
        """
        self._request = request
        self._whole_batches = False
        self._diverse = request.WhichOneof("diversity") not in ("stochastic", None)
        question = Question(
            method="Rank",
            request=request,
            scoring=request,
            selector=next(iter(request.committee.models.models), request.model),
            rows=batch_ranked,
            filled=self._filled,
            result=ranking_of,
            of_no_rows=False,
            prepare=self._pin,
            pins_version=True,
        )
        self._work = Piecework(question, **conditions)

    def rank(self, batch: Rows | Table) -> Steps[None]:
        """Emit the choice from one batch, all of it before the deadline."""
        self._whole_batches = True
        yield from self._pin_members()
        answers = yield from self._work.batch(batch)
        if len(answers) == 1:
            ranking = answers[0][1]
        else:
            kept = self._empty()
            yield from self._keep(kept, answers)
            ranking = yield from self._last(kept)
        yield Emit(ranking)

    def stream(self) -> Steps[None]:
        """Take all batches, and emit the choice from all of their rows."""
        kept = self._empty()

        def keep(answers: Sequence[tuple[Piece, Ranking]]) -> Steps[None]:
            return self._keep(kept, answers)

        yield from self._work.stream(keep)
        yield Emit((yield from self._last(kept)))

    def _empty(self) -> Kept:
        chosen_from = self._request.count
        if self._diverse:
            chosen_from = max(chosen_from, self._request.candidates or CANDIDATES_FACTOR * chosen_from)
        descending = self._request.order != selection_pb2.ORDER_ASCENDING
        return Kept(chosen_from, descending=descending, diverse=self._diverse, offset=self._request.offset)

    def _keep(self, kept: Kept, answers: Sequence[tuple[Piece, Ranking]]) -> Steps[None]:
        yield from ()
        for piece, ranking in answers:
            kept.add(piece, ranking)
            if self._diverse:
                self._fit(kept)
            if (
                ranking.model is not None and self._request.model.version == 0
            ):  # from here on by this version alone
                self._request.model.version = ranking.model.version

    def _pin(self, rows: Rows) -> Steps[None]:
        """Ask all along the versions that there are now."""
        yield from self._pin_members()
        selector, members = self._request.model, self._request.committee.models.models
        if selector.version == 0 and not members and (rows.kind in ("inputs", "pool_ids") or selector.name):
            selector.version = (yield from self._work.model(selector)).version

    def _pin_members(self) -> Steps[None]:
        """Several models are asked by the versions that they have now."""
        for member in self._request.committee.models.models:
            if member.version == 0:
                member.version = (yield from self._work.model(member)).version

    def _filled(self, request: selection_pb2.RankRequest, piece: Piece) -> selection_pb2.RankRequest:
        filled = selection_pb2.RankRequest()
        filled.CopyFrom(request)
        filled.rows.CopyFrom(piece.rows.message())
        for name, array in piece.rows.beside.items():
            getattr(filled, name).CopyFrom(beside_tensor(name, array))
        if self._whole_batches and piece.offset == 0 and piece.last:
            return filled
        if filled.measure == scoring_pb2.UNCERTAINTY_MEASURE_INFORMATION_DENSITY and not filled.density.HasField(
            "direction"
        ):
            raise InvalidArgumentError(
                "direction: is needed where rows go in several calls, because each alone has another one",
                field="direction",
            )
        filled.part = True
        filled.offset += piece.offset
        return filled

    def _last(self, kept: Kept) -> Steps[Ranking]:
        """The choice from what was kept."""
        if kept.ranking is None:
            raise InvalidArgumentError("rows: there were none to choose from", field="rows")
        chosen = kept.ranking
        if len(chosen) and self._diverse:
            chosen = yield from self._diverse_batch(kept)
        elif len(chosen) and kept.with_embeddings and kept.rows is not None:
            with suppress(AssaydError):  # how repetitive they are is good to know, but what was asked for is there
                if len(chosen) <= self._work.rows_fitting(kept.named_rows):
                    again = yield from self._asked_again(kept)
                    about = {name: getattr(again, name) for name in ("mean_cosine", "effective_size", "warnings")}
                    chosen = replace(chosen, **about)
        return replace(chosen, warnings=(*self._shortfalls(kept, len(chosen)), *chosen.warnings))

    def _diverse_batch(self, kept: Kept) -> Steps[Ranking]:
        """What a last call chooses, of as many of the kept rows as the server takes at once."""
        while True:
            try:
                return (yield from self._asked_again(kept))
            except AssaydError as error:
                allowed = rows_allowed(error, kept.row_count)
                if not min(self._request.count, kept.row_count) <= allowed < kept.row_count:
                    raise
                kept.lower(allowed)

    def _fit(self, kept: Kept) -> None:
        """Keep no more rows than a last call can take: known at the first batch, and not after the last.

        Raises:
            InvalidArgumentError: not even as many fit as are to be chosen.
        """
        if not kept.row_count:
            return
        fitting, count = self._work.rows_fitting(kept.named_rows), self._request.count
        if fitting < count:
            raise InvalidArgumentError(
                f"count: is {count}, a diverse batch is chosen in one call, which takes {fitting} of these rows",
                field="count",
            )
        if fitting < kept.count:
            kept.lower(fitting)
            self._request.candidates = fitting

    def _shortfalls(self, kept: Kept, found: int) -> list[str]:
        """In what the choice is not what was asked for."""
        shortfalls = []
        if found == kept.row_count < self._request.count:
            shortfalls.append(f"{found} rows were chosen of {self._request.count}: no more could be scored")
        if kept.cut_short:
            shortfalls.append(
                f"the diverse batch was chosen from {kept.count} candidates in place of {kept.wanted}: one call "
                "takes no more of these rows"
            )
        return shortfalls

    def _asked_again(self, kept: Kept) -> Steps[Ranking]:
        """What a last call chooses of the rows that were kept, under the positions that they have in the whole."""
        rows, ranking = kept.named_rows, kept.ranking
        assert ranking is not None  # there were rows
        request = selection_pb2.RankRequest()
        request.CopyFrom(self._request)
        request.rows.CopyFrom(rows.message())
        request.count = min(request.count, len(ranking))
        request.candidates = len(ranking) if self._diverse else 0
        request.offset = 0
        for name, array in rows.beside.items():
            getattr(request, name).CopyFrom(beside_tensor(name, array))
        answer = yield from self._work.pinned(request)
        return replace(
            answer,
            positions=ranking.positions[answer.positions],
            ids=None if ranking.ids is None else ranking.ids[answer.positions],
            row_count=ranking.row_count,
            invalid_count=ranking.invalid_count,
            invalid_positions=ranking.invalid_positions,
        )
