"""The pool beside a model: read, if there is one, and refused where it is another model's."""

from assayd_server.bundle import Bundle, digest_of
from assayd_server.contract import Contract
from assayd_server.errors import ArtefactError
from assayd_server.pool_folder import PoolFolder, read_pool
from assayd_server.pool_manifest import POOL_MANIFEST


def pool_for(bundle: Bundle, contract: Contract) -> PoolFolder | None:
    """The pool that a model is served with; None where it has none.

    Raises:
        ArtefactError: it is not whole, or does not fit the model.
    """
    if bundle.pool is None:
        return None
    pool = read_pool(bundle.pool.path, digest=bundle.pool.digest, within=bundle.pool.within)
    misfit = _misfit(pool, bundle, contract)
    if misfit is not None:
        raise ArtefactError(f"{pool.path / POOL_MANIFEST}: {misfit}")
    return pool


def _misfit(pool: PoolFolder, bundle: Bundle, contract: Contract) -> str | None:
    """Why a pool is not this model's. One of vectors that were given is any model's of that width."""
    manifest, width = pool.manifest, contract.embedding_width
    if width and manifest.dimension != width:
        return (
            f"its vectors are {manifest.dimension} wide, the embedding of {bundle.identity.name} is {width} wide"
        )
    if manifest.model_digest is not None:
        digest = digest_of(bundle.model)
        if manifest.model_digest != digest:
            return f"its vectors are of model {manifest.model_digest}, {bundle.identity.name} is {digest}"
    own = contract.roles.get("embedding")
    if manifest.embedding is not None and manifest.embedding != own:
        has = f"takes {own!r} for it" if own else "has none"
        return f"its vectors are the embedding {manifest.embedding!r}, {bundle.identity.name} {has}"
    return None
