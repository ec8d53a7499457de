"""Content-addressed artifacts: written in a temporary folder, published by one rename, verified when opened.

Nothing here locks. Two processes that build the same artifact both succeed, and the first one is kept; who builds what
is decided by `store.locks`. Every step can be killed at any moment: an artifact is complete or it is not there.
"""

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from itl_bench.errors import ItlError, UsageError
from itl_bench.files import sync_file, sync_folder, write_durably
from itl_bench.store.artifact import MANIFEST, Artifact, Manifest, check, describe
from itl_bench.store.keys import KEY_LENGTH, Task, canonical
from itl_bench.store.locks import LOCKS, locked

MARK = "store.json"  # says that a folder is a store, so that nothing else is ever cleaned up


class DamagedArtifactError(ItlError):
    """An artifact does not hold what its manifest says; it was set aside and will be built again."""


class Store:
    """A folder of artifacts that any number of processes and machines may share."""

    def __init__(self, root: Path) -> None:
        """Open a store, or make an empty one.

        Raises:
            UsageError: The folder holds something else, or cannot be made.
        """
        self.root = root
        self._verified: set[str] = set()
        if root.exists() and not root.is_dir():
            raise UsageError(f"the store {root} is a file; give a folder")
        strangers = root.is_dir() and any(root.iterdir())
        if strangers and not (root / MARK).exists():  # looked for last: others may be making this store just now
            raise UsageError(f"{root} is not empty and no store; give a new folder, or one that itl-bench made")
        if not strangers:
            try:
                root.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError), (root / MARK).open("x", encoding="utf-8") as stream:
                    stream.write('{"store": 1}\n')
            except OSError as error:
                message = f"the store {root} cannot be made ({error.strerror}); give a folder that can be written"
                raise UsageError(message) from None
        for name in ("artifacts", "partial", "damaged", LOCKS, "failures"):
            if not (root / name).is_dir():
                (root / name).mkdir(exist_ok=True)

    def folder(self, key: str) -> Path:
        """Where an artifact is, or would be."""
        return self.root / "artifacts" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether the artifact is complete; its files are verified when it is opened."""
        return (self.folder(key) / MANIFEST).is_file()

    @contextmanager
    def writing(
        self, task: Task, provenance: Mapping[str, object] | None = None, seconds: float = 0.0
    ) -> Iterator[Path]:
        """A folder to write the artifact's files into; published when the block ends, dropped when it raises.

        Args:
            task: What is being built.
            provenance: Where and with what: versions, commit, device.
            seconds: That were spent on it before; those of the block are added.
        """
        head = json.loads(canonical({"spec": task.spec, "provenance": provenance or {}}))  # fails now, not hours later
        folder = self.root / "partial" / f"{task.key}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        started = time.monotonic()
        try:
            yield folder
            manifest = describe(task, head, folder, seconds + time.monotonic() - started)
            write_durably(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())
            self._publish(folder, task.key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def admitting(self, key: str) -> Iterator[Path]:
        """A folder to put an artifact of another store into, with its manifest; published if it is what that says.

        Args:
            key: Of the artifact.

        Raises:
            ValueError: It is another artifact, or its files are not what its manifest says.
        """
        folder = self.root / "partial" / f"{key}-{secrets.token_hex(4)}"
        folder.mkdir(parents=True)
        try:
            yield folder
            manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
            if manifest.key != key or manifest.task.key != key:
                raise ValueError(f"{MANIFEST} of {key} describes another artifact")
            check(Artifact(folder, manifest))
            for path in folder.iterdir():
                sync_file(path)
            self._publish(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _publish(self, folder: Path, key: str) -> None:
        target = self.folder(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        sync_folder(folder)
        try:
            folder.rename(target)
        except OSError:
            if self.has(key):
                return  # another process was first: its artifact stays, and ours goes
            self._set_aside(key, _inode(target))  # a folder without a manifest was never published by us
            folder.rename(target)
        sync_folder(target.parent)

    def open(self, key: str) -> Artifact:
        """An artifact whose files are what its manifest says.

        Raises:
            KeyError: It is not in the store.
            DamagedArtifactError: It is damaged; it was set aside, so that building again replaces it.
            OSError: The store cannot be read; that says nothing about the artifact.
        """
        artifact = self._load(key)
        with suppress(OSError):
            os.utime(artifact.folder / MANIFEST)  # last use, for the garbage collector
        return artifact

    def _load(self, key: str) -> Artifact:
        inode = _inode(self.folder(key))
        if inode is None or not self.has(key):
            raise KeyError(key)
        try:
            artifact = self._read(key)
            if key not in self._verified:
                check(artifact)
        except (ValueError, FileNotFoundError) as error:
            if _inode(self.folder(key)) != inode:
                raise KeyError(key) from None  # somebody else moved it away meanwhile
            self._set_aside(key, inode)
            message = f"the artifact {key} is damaged ({error}); it was set aside in {self.root / 'damaged'}"
            raise DamagedArtifactError(message) from None
        self._verified.add(key)
        return artifact

    def manifest(self, key: str) -> Manifest:
        """What an artifact says of itself; its files are not read.

        Raises:
            OSError: It is not there.
            ValueError: The manifest is damaged.
        """
        try:
            return Manifest.model_validate_json((self.folder(key) / MANIFEST).read_bytes())
        except ValidationError as error:
            raise ValueError(f"{MANIFEST}: {error.errors()[0]['msg']}") from None

    def _read(self, key: str) -> Artifact:
        manifest = self.manifest(key)
        if manifest.key != key or manifest.task.key != key:
            raise ValueError(f"{MANIFEST} describes another artifact")
        return Artifact(self.folder(key), manifest)

    def _set_aside(self, key: str, inode: int | None) -> None:
        """Move a damaged artifact away, unless another process has already done so and built it again."""
        self._verified.discard(key)
        aside = self.root / "damaged" / f"{key}-{secrets.token_hex(4)}"
        with locked(self.root):
            if inode is not None and _inode(self.folder(key)) == inode:
                self.folder(key).rename(aside)
                os.utime(aside)

    def keys(self) -> list[str]:
        """Keys of all complete artifacts, sorted."""
        found = (path.parent.name for path in self.root.glob(f"artifacts/??/*/{MANIFEST}"))
        return sorted(key for key in found if len(key) == KEY_LENGTH)

    def verify(self) -> Iterator[tuple[str, str]]:
        """Read every file of every artifact again; (key, what is wrong) of those that were set aside."""
        self._verified.clear()
        for key in self.keys():
            try:
                self._load(key)
            except KeyError:
                continue  # removed meanwhile
            except DamagedArtifactError as error:
                yield key, str(error)


def _inode(folder: Path) -> int | None:
    try:
        return folder.stat().st_ino
    except FileNotFoundError:
        return None


def default_root() -> Path:
    """The store of a user who names none: ITL_STORE, else in the user's cache."""
    named = os.environ.get("ITL_STORE")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(named) if named else cache / "itl_bench" / "store"
