"""The host's own converter, and the one door to it: `label_studio_sdk`, which Label Studio itself converts with.

It takes two seconds to load and is loaded when the first `Converter` is made. It never fetches anything here: what a
task shows lies in a folder before, and its address is given as that of a local file, which the converter looks up by a
function of ours. Older ones, of hosts before 1.23.2, know no such function; they are given the file's path, which
`steady` takes out of what they write.
"""

from __future__ import annotations

import errno
import inspect
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from howdah.convert.formats import Format, Shows, fitting
from howdah.errors import HowdahError, Invalid, Unsupported, unusable

Tick = Callable[[], None]
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}
_LOCAL = "/data/local-files/?d="


class Converter:
    """The converter for one labeling configuration, which is read as the host reads it."""

    def __init__(self, config: str) -> None:
        self._make, parse = _load()
        try:
            self._schema: dict[str, Any] = parse(config)
            plain = self._make(self._schema, None)
            texts = self._make(_inline_texts(self._schema), None)
        except Exception as error:  # of lxml's or of its own kinds
            raise Invalid(f"labeling configuration cannot be read: {error}", kind="bad-config") from error
        told = {format.name for format in plain.all_formats()}
        codes = {code for code in plain.supported_formats if code in told}
        # Texts that are files of their own are put into the task's data first: then this format fits, too.
        codes |= {"CONLL2003"} & set(texts.supported_formats)
        self.formats = fitting(codes)
        """The formats that fit, by name."""
        keys = plain._data_keys
        self.key: str = keys[0] if len(keys) == 1 else ""
        """Which value of a task's data is labeled; empty where several are."""

    def local(self, path: Path) -> str:
        """The address by which the converter finds the file at `path`."""
        return _LOCAL + quote(str(path), safe="") if "local_files_resolver" in self._doors(path.parent) else str(path)

    def run(self, format: Format, tasks: Path, out: Path, media: Path, tick: Tick, *, with_media: bool) -> None:
        """Write the tasks of the file `tasks`, a list, into the folder `out`; `tick` is called before each.

        What `tick` raises ends it. A task that the converter stumbles over raises `Invalid`, naming it.
        """
        schema = _inline_texts(self._schema) if format.shows is Shows.TEXT else self._schema
        doors = self._doors(media)
        fetches = with_media and format.shows is Shows.PAGES and "http_session" in doors
        converter = self._make(schema, None, upload_dir=str(media), download_resources=fetches, **doors)
        watched = _Watched(converter.iter_from_json_file, tick)
        converter.iter_from_json_file = watched
        try:
            converter.convert(str(tasks), str(out), format.code, is_dir=False)
        except HowdahError:
            raise
        except Exception as error:
            if error is watched.stopped:
                raise
            if isinstance(error, OSError) and error.errno in _DISK:
                raise unusable(str(out), error) from error
            raise Invalid(
                f"{watched.task or 'a task'} cannot be written as {format.name} by label-studio-sdk"
                f" ({type(error).__name__}: {error}): mend it, or choose another format",
                kind="unconvertible",
            ) from error

    def _doors(self, media: Path) -> dict[str, Any]:
        """By which the converter comes to files: those in `media` alone; as far as it lets us choose."""

        def resolve(path: str) -> str | None:
            return path if Path(path).parent == media else None

        doors = {"local_files_resolver": resolve, "http_session": _NoNetwork()}
        known = inspect.signature(self._make).parameters
        return {name: door for name, door in doors.items() if name in known}


class _NoNetwork:
    """Stands where the converter expects a session of `requests`: what labels name is never looked up in a network."""

    def get(self, url: str, **_: Any) -> NoReturn:
        raise OSError(f"{url[:200]} is not in the store")


class _Watched:
    """The converter's way to read tasks, looked at: which one is under way, and whether to go on."""

    def __init__(self, read: Callable[[str], Iterator[dict[str, Any]]], tick: Tick) -> None:
        self._read = read
        self._tick = tick
        self.task = ""
        self.stopped: BaseException | None = None

    def __call__(self, path: str) -> Iterator[dict[str, Any]]:
        for item in self._read(path):
            self.task = f"annotation {item['annotation_id']} of task {item['id']}"
            try:
                self._tick()
            except BaseException as error:
                self.stopped = error
                raise
            yield item
            self.task = f"what comes after {self.task}"


def _load() -> tuple[Callable[..., Any], Callable[[str], dict[str, Any]]]:
    try:
        from label_studio_sdk._extensions.label_studio_tools.core.label_config import parse_config  # noqa: PLC0415
        from label_studio_sdk.converter import Converter as Theirs  # noqa: PLC0415
    except ImportError as error:
        raise Unsupported(
            f"exports are written by label-studio-sdk, which cannot be used here ({error}):"
            " install it with `pip install 'howdah[convert]'`",
            kind="no-converter",
        ) from error
    # It speaks of each file that it does not find; without a handler somewhere, Python prints that.
    logging.getLogger("label_studio_sdk").addHandler(logging.NullHandler())
    return Theirs, parse_config


def _inline_texts(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema as it would be if no text were a file of its own."""
    return {
        name: {
            **control,
            "inputs": [
                {**each, "valueType": None} if each.get("type") == "Text" else each for each in control["inputs"]
            ],
        }
        for name, control in schema.items()
    }
