"""Whether rows can be ranked as was asked: everything is refused before anything is computed."""

from assayd_server.checks import ScoreLimits, check_rows, lacks, wrong
from assayd_server.core.committee import COMMITTEE_MEASURES, CommitteeMeasure
from assayd_server.core.scores import MEASURES
from assayd_server.core.tasks import Task
from assayd_server.core.uncertainty import Measure
from assayd_server.diversity_size import check_diversity_size
from assayd_server.errors import FailedPreconditionError, InvalidArgumentError
from assayd_server.rank_plan import RankPlan
from assayd_server.ranking_wanted import Badge, BatchBald, Dropout, Stochastic
from assayd_server.rows import Committee, Inputs


def check_ranking(plan: RankPlan, limits: ScoreLimits) -> None:
    """Refuse what cannot be ranked.

    Args:
        plan: the request with its models.
        limits: how much one request may ask for.

    Raises:
        ServiceError: it cannot be done; the field says why.
    """
    check_opinions(plan, limits)
    _check_count(plan)
    _check_diversity(plan)
    check_diversity_size(plan, limits.diversity_operations_max)


def check_opinions(plan: RankPlan, limits: ScoreLimits) -> None:
    """Refuse rows that cannot be measured as was asked.

    Raises:
        ServiceError: the field says why.
    """
    _check_committee(plan)
    check_rows(plan.plan)
    _check_measure(plan)
    _check_beside(plan)
    _check_embeddings(plan)
    _check_size(plan, limits)


def check_candidates(plan: RankPlan, limits: ScoreLimits) -> None:
    """Refuse a ranking of rows of a pool, which are scored some at a time.

    Raises:
        ServiceError: the field says why.
    """
    check_rows(plan.plan)
    _check_measure(plan)
    _check_beside(plan)
    _check_batch(plan)
    _check_diversity(plan)
    check_diversity_size(plan, limits.diversity_operations_max)


def _check_committee(plan: RankPlan) -> None:
    source = plan.wanted.committee
    if source is not None and not isinstance(plan.plan.rows, Inputs):
        raise wrong("committee", "is made of inputs, these rows bring their own scores", "COMMITTEE_NOT_USABLE")
    if source is not None and plan.wanted.scoring.head is not None:
        raise wrong("committee", "and a head exclude each other", "COMMITTEE_NOT_USABLE")
    first = plan.plan.model
    for index, member in enumerate(plan.members):
        assert first is not None  # it is the first of the members
        of_first, of_this = first.contract, member.contract
        alike = (of_first.task, of_first.columns) == (of_this.task, of_this.columns)
        if not alike:
            raise wrong(
                f"committee.models.models[{index}]",
                f"model {member.identity.name!r} is for {of_this.task} of {of_this.columns}, "
                f"{first.identity.name!r} for {of_first.task} of {of_first.columns}",
                "MEMBERS_DIFFER",
            )
        if member.contract.sample_count:
            raise wrong(
                f"committee.models.models[{index}]",
                f"model {member.identity.name!r} is a committee by itself",
                "COMMITTEE_NOT_USABLE",
            )
    if isinstance(source, Dropout) and first is not None and first.last_layer is None:
        raise FailedPreconditionError(
            f"model {first.identity.name!r} has no last layer to sample: {first.why_no_last_layer}",
            reason="NO_LAST_LAYER",
            field="committee.dropout",
        )


def _check_measure(plan: RankPlan) -> None:
    measures = [("measure", plan.wanted.measure)]
    if plan.wanted.measure is Measure.INFORMATION_DENSITY:
        measures = [("density.base", plan.wanted.density.base)]
    for field, measure in measures:
        _check_measure_of(plan, field, measure)
    if plan.needs_committee and plan.member_count < 2:
        field = "diversity" if plan.needs_committee == "batch_bald" else "measure"
        raise wrong(field, f"{plan.needs_committee} is of a committee, there is one opinion a row", "NO_COMMITTEE")


def _check_measure_of(plan: RankPlan, field: str, measure: Measure | CommitteeMeasure) -> None:
    task = plan.plan.task
    allowed: list[str] = [*MEASURES[task], *COMMITTEE_MEASURES[task]]
    if task is not Task.REGRESSION and field != "density.base":
        allowed.append(Measure.INFORMATION_DENSITY)
    if measure not in allowed:
        message = f"{measure} is not for {task} rows, allowed are {', '.join(allowed)}"
        raise wrong(field, message, "TASK_DOES_NOT_FIT")


def _check_count(plan: RankPlan) -> None:
    wanted, rows = plan.wanted, plan.plan.rows.count
    if rows == 0:
        raise wrong("rows", "are none, at least one is needed to choose from", "NO_ROWS")
    if wanted.count < 1 or (wanted.count > rows and not wanted.part):
        message = f"is {wanted.count}, allowed are 1 to {rows}, the number of rows"
        raise wrong("count", message, "COUNT_OUT_OF_RANGE")
    _check_batch(plan)


def _check_batch(plan: RankPlan) -> None:
    wanted = plan.wanted
    if wanted.count < 1:
        raise wrong("count", f"is {wanted.count}, allowed are 1 and above", "COUNT_OUT_OF_RANGE")
    if wanted.candidates and wanted.candidates < wanted.count:
        message = f"is {wanted.candidates}, allowed are {wanted.count}, the count, and above"
        raise wrong("candidates", message, "CANDIDATES_OUT_OF_RANGE")


def _check_beside(plan: RankPlan) -> None:
    """What came beside the rows must be of as many rows, and as wide as what it goes with."""
    rows, wanted = plan.plan.rows.count, plan.wanted
    if wanted.ids is not None and len(wanted.ids.hashes) != rows:
        raise wrong("ids.shape", f"is [{len(wanted.ids.hashes)}], there are {rows} rows", "BAD_SHAPE")
    if wanted.embeddings is not None and len(wanted.embeddings) != rows:
        raise wrong("embeddings.shape", f"is {list(wanted.embeddings.shape)}, there are {rows} rows", "BAD_SHAPE")
    direction = wanted.density.direction
    if direction is not None and plan.embedding_width not in (0, len(direction)):
        message = f"is [{len(direction)}], the embedding has {plan.embedding_width}"
        raise wrong("density.direction.shape", message, "BAD_SHAPE")


def _check_embeddings(plan: RankPlan) -> None:
    if not plan.needs_embeddings or plan.embedding_width:
        return
    if isinstance(plan.plan.rows, Inputs):
        raise lacks(plan.plan, "embedding", "measure" if plan.wanted.diversity is None else "diversity")
    raise wrong("embeddings", f"is missing: {plan.needs_embeddings} needs embeddings", "NO_EMBEDDING")


def _check_diversity(plan: RankPlan) -> None:
    diversity = plan.wanted.diversity
    uncertain = {Stochastic: "stochastic", Badge: "badge", BatchBald: "batch_bald"}.get(type(diversity))
    if uncertain and not plan.wanted.descending:
        raise wrong("order", f"is ascending, {uncertain} draws the most uncertain rows", "ORDER_NOT_USABLE")
    if isinstance(diversity, Badge) and plan.plan.task is not Task.MULTICLASS:
        message = f"badge is for multiclass rows, these are for {plan.plan.task}"
        raise wrong("diversity", message, "TASK_DOES_NOT_FIT")
    if plan.needs_committee == "batch_bald" and plan.plan.task is not Task.MULTICLASS:
        message = f"batch_bald is for multiclass rows, these are for {plan.plan.task}"
        raise wrong("diversity", message, "TASK_DOES_NOT_FIT")


def _check_size(plan: RankPlan, limits: ScoreLimits) -> None:
    width = plan.member_count * (plan.plan.class_count or plan.plan.value_count)
    rows_max = limits.scores_elements_max // width
    if plan.plan.rows.count <= rows_max:
        return
    what = "members times rows times classes" if plan.member_count > 1 else "rows times classes"
    if isinstance(plan.plan.rows, Committee) or rows_max:
        raise InvalidArgumentError(
            f"{plan.plan.rows.count} are too many: {what} may be {limits.scores_elements_max}; "
            f"send at most {rows_max} rows at once",
            reason="ANSWER_TOO_LARGE",
            field="rows",
            details={"rows_max": str(rows_max)},
        )
    raise wrong("committee", f"is too large: {what} may be {limits.scores_elements_max}", "COMMITTEE_TOO_LARGE")
