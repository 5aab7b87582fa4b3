"""The reference beside a model: read, if there is one, and refused where it is another model's."""

from assayd_server.bundle import Bundle, digest_of
from assayd_server.contract import Contract
from assayd_server.errors import ArtefactError
from assayd_server.reference_file import Reference, read_reference
from assayd_server.reference_manifest import ReferenceManifest


def reference_for(bundle: Bundle, contract: Contract) -> Reference | None:
    """The reference that a model is served with; None where it has none.

    Raises:
        ArtefactError: it is not whole, or does not fit the model.
    """
    if bundle.reference is None:
        return None
    reference = read_reference(bundle.reference)
    misfit = _misfit(reference.manifest, bundle, contract)
    if misfit is not None:
        raise ArtefactError(f"{bundle.reference.path}: {misfit}")
    return reference


def _misfit(manifest: ReferenceManifest, bundle: Bundle, contract: Contract) -> str | None:
    """Why a reference is not this model's."""
    name, digest = bundle.identity.name, digest_of(bundle.model)
    if manifest.model_digest != digest:
        return f"is of model {manifest.model_digest}, {name} is {digest}"
    of_model = (contract.task, contract.class_count, contract.roles.get("embedding"), contract.embedding_width)
    of_reference = (manifest.task, manifest.class_count, manifest.embedding, manifest.embedding_width)
    for what, its, due in zip(
        ("task", "class count", "embedding", "embedding width"), of_reference, of_model, strict=True
    ):
        if its != due:
            return f"was made with the {what} {its}, {name} is read with {due}"
    return None
