"""A pool beside its model: loaded with it, shown, and refused where it is another model's."""

import json
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import onnx_models
import pools
from assayd_server import servable
from assayd_server.bundle import digest_of, read_folder
from assayd_server.cli import app as cli
from assayd_server.config import Settings
from assayd_server.configuring import load
from assayd_server.errors import ArtefactError, StartError
from assayd_server.from_settings import load_models
from assayd_server.inspection import describe
from assayd_server.pool_folder import PoolFolder
from assayd_server.pool_writing import Origin
from folders import load_folder
from processes import serving

MODEL = onnx_models.identity(4)
PORTS = {"port": 0, "metrics_port": 0}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(MODEL)
    return path


def pool(folder: Path, *, width: int = 4, origin: Origin | None = None) -> Path:
    return pools.write_pool(folder, pools.vectors(20, width), origin=origin)


def bundle(root: Path, *, version: int = 1, origin: Origin | None = None, **manifest: object) -> Path:
    """A bundle with a pool in it."""
    folder = onnx_models.write_bundle(root, MODEL, name="pets", version=version, **manifest)
    pool(folder / "pool", origin=origin)
    path = folder / "bundle.json"
    said = json.loads(path.read_text())
    said["files"]["pool/pool.json"] = digest((folder / "pool/pool.json").read_bytes())
    path.write_text(json.dumps(said))
    return folder


def digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def served(model: Path, folder: Path, **settings: object) -> PoolFolder | None:
    """The pool of a model that is served with a folder."""
    return load_models(Settings(model=model, pool=folder, **PORTS, **settings), threads=1)[0].find("", 0).pool


def test_a_bare_model_is_served_with_the_pool_that_is_named(model: Path, tmp_path: Path) -> None:
    found = served(model, pool(tmp_path / "pool", origin=Origin(digest_of(MODEL), "embedding")))
    assert found is not None
    assert len(found.stored) == 20


def test_a_model_without_one_has_no_pool(model: Path) -> None:
    assert load_models(Settings(model=model, **PORTS), threads=1)[0].find("", 0).pool is None


def test_a_bundle_is_served_with_its_pool(tmp_path: Path) -> None:
    folder = bundle(tmp_path, origin=Origin(digest_of(MODEL), "embedding"))
    found = load_models(Settings(repository=tmp_path, **PORTS), threads=1)[0].find("", 0).pool
    assert found is not None
    assert found.digest == digest((folder / "pool/pool.json").read_bytes())


def test_a_pool_folder_that_the_manifest_does_not_name_is_not_there(tmp_path: Path) -> None:
    pool(onnx_models.write_bundle(tmp_path, MODEL, name="pets") / "pool")
    assert load_models(Settings(repository=tmp_path, **PORTS), threads=1)[0].find("", 0).pool is None


def test_a_pool_of_vectors_that_were_given_is_any_models_of_that_width(model: Path, tmp_path: Path) -> None:
    found = served(model, pool(tmp_path / "pool"))
    assert found is not None
    assert len(found.stored) == 20


def test_a_model_without_an_embedding_can_have_a_pool_of_vectors(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(onnx_models.softmax_only())
    found = served(tmp_path / "m.onnx", pool(tmp_path / "pool", width=9))
    assert found is not None
    assert (len(found.stored), found.stored.dimension) == (20, 9)


def refusal(model: Path, folder: Path, **settings: object) -> str:
    with pytest.raises(ArtefactError) as caught:
        served(model, folder, **settings)
    prefix = f"{model}: {folder}/pool.json: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix)


def test_a_pool_of_another_width_is_refused(model: Path, tmp_path: Path) -> None:
    assert refusal(model, pool(tmp_path / "pool", width=3)) == (
        "its vectors are 3 wide, the embedding of m is 4 wide"
    )


def test_a_pool_of_another_model_is_refused(model: Path, tmp_path: Path) -> None:
    other = digest(b"another model")
    assert refusal(model, pool(tmp_path / "pool", origin=Origin(other, "embedding"))) == (
        f"its vectors are of model {other}, m is {digest_of(MODEL)}"
    )


def test_a_pool_of_another_tensor_is_refused(model: Path, tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool", origin=Origin(digest_of(MODEL), "logits"))
    assert refusal(model, folder) == "its vectors are the embedding 'logits', m takes 'embedding' for it"
    assert served(model, folder, logits_output="embedding", embedding_tensor="logits") is not None


def test_a_pool_of_a_tensor_is_refused_where_the_model_has_no_embedding(tmp_path: Path) -> None:
    model = tmp_path / "m.onnx"
    model.write_bytes(onnx_models.softmax_only())
    folder = pool(tmp_path / "pool", origin=Origin(digest_of(model.read_bytes()), "x"))
    assert refusal(model, folder) == "its vectors are the embedding 'x', m has none"


def test_a_pool_that_is_not_there_stops_the_start(model: Path, tmp_path: Path) -> None:
    assert refusal(model, tmp_path / "no pool") == "cannot be read: No such file or directory"


def test_a_pool_goes_with_a_model_only() -> None:
    with pytest.raises(StartError, match=r"^--pool: goes with model; a bundle has its pool in it$"):
        load({"repository": "models", "pool": "pool"}, {})


@pytest.mark.parametrize("name", ["pool.json", "vectors.npy"])
def test_a_version_whose_pool_was_changed_fails_and_the_others_are_served(tmp_path: Path, name: str) -> None:
    bundle(tmp_path, version=1)
    path = bundle(tmp_path, version=2) / "pool" / name
    path.write_bytes(path.read_bytes() + b"\n")
    models = load_folder(tmp_path, lambda found: servable.load(found, threads=1))
    assert [found.identity.version for found in models.all()] == [1]
    (failure,) = models.failures
    assert f"{path}: its digest is {digest(path.read_bytes())}, " in failure.reason


def test_the_files_of_a_pool_are_mapped_and_not_read_with_the_bundle(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    shutil.rmtree(folder / "pool")
    place = read_folder(folder).pool
    assert place is not None
    assert place.path == folder / "pool"


def test_inspect_shows_the_pool(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    pool_digest = digest((folder / "pool/pool.json").read_bytes())
    assert describe(folder).splitlines()[-1] == f"pool: 20 rows of 4, cosine, flat, {pool_digest}"


def test_the_log_shows_the_pool(model: Path, tmp_path: Path) -> None:
    folder = pool(tmp_path / "pool")
    with serving(tmp_path / "log", "--model", str(model), "--pool", str(folder)) as server:
        line = server.wait_for("model loaded")
    assert line["pool"] == f"20 rows of 4, cosine, flat, {digest((folder / 'pool.json').read_bytes())}"


def calibrate(folder: Path, *arguments: str) -> Result:
    rng = np.random.default_rng(0)
    rows = rng.normal(0, 4, (200, 4)).astype(np.float32)
    np.save(folder.parent / "rows.npy", rows)
    np.save(folder.parent / "y.npy", (rows / 2 + rng.gumbel(size=rows.shape)).argmax(axis=1))
    data = ("--input", str(folder.parent / "rows.npy"), "--labels", str(folder.parent / "y.npy"))
    return CliRunner().invoke(cli, ["calibrate", str(folder), *data, *arguments])


def test_a_new_version_with_another_temperature_has_the_pool_too(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    assert calibrate(folder, "--output", str(tmp_path / "pets/2")).exit_code == 0
    models, _ = load_models(Settings(repository=tmp_path, **PORTS), threads=1)
    old, new = models.find("", 1), models.find("", 2)
    assert old.pool is not None
    assert new.pool is not None
    assert old.pool.digest == new.pool.digest
    assert new.pool.folder.path == (tmp_path / "pets/2/pool")


def test_a_new_temperature_in_place_leaves_the_pool_alone(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    assert calibrate(folder).exit_code == 0
    assert servable.load(read_folder(folder), threads=1).pool is not None


def test_a_pool_that_cannot_be_copied_leaves_no_new_version(tmp_path: Path) -> None:
    folder = bundle(tmp_path)
    (folder / "pool/vectors.npy").unlink()
    result = calibrate(folder, "--output", str(tmp_path / "pets/2"))
    missing = folder / "pool/vectors.npy"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"assayd: {missing}: cannot be copied: No such file or directory\n"
    assert not (tmp_path / "pets/2").exists()
