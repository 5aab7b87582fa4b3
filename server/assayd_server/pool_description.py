"""What a pool is, as text for people."""

from collections.abc import Iterator

from assayd_server.index_kind import Kind
from assayd_server.pool_folder import PoolFolder
from assayd_server.pool_manifest import PoolManifest


def one_line(pool: PoolFolder) -> str:
    """Such as "1,000 rows of 32, cosine, flat, sha256:..."."""
    manifest = pool.manifest
    return (
        f"{manifest.row_count:,} rows of {manifest.dimension}, {manifest.metric}, {manifest.kind}, {pool.digest}"
    )


def described_pool(pool: PoolFolder) -> str:
    """What a pool holds and how well it is searched, line by line."""
    return "\n".join(_lines(pool.digest, pool.manifest))


def _lines(digest: str, manifest: PoolManifest) -> Iterator[str]:
    yield f"pool {digest}"
    yield f"{manifest.row_count:,} rows of {manifest.dimension}, by {manifest.id_type} ids"
    yield f"metric: {manifest.metric}"
    yield f"index: {manifest.kind} ({manifest.why})"
    yield from (f"  {name}: {value}" for name, value in manifest.parameters.items())
    yield from _speed(manifest)
    if manifest.model_digest is not None:
        yield f"vectors: the embedding {manifest.embedding!r} of {manifest.model_digest}"
    else:
        yield "vectors: as they were given"


def _speed(manifest: PoolManifest) -> Iterator[str]:
    rate, exact = manifest.queries_per_second, manifest.exact_queries_per_second
    if manifest.kind is Kind.FLAT:
        yield f"search: exact, {rate:,.0f} queries/s"
    else:
        times = f", {rate / exact:.1f} times the rate of exact search" if exact else ""
        yield f"search: recall@{manifest.recall_k} {manifest.recall:.4f}, {rate:,.0f} queries/s{times}"
