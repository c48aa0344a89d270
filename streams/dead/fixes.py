"""How an operator mends records before they are sent again: a JSON Patch, or a function in a Python file."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path

from schemas.errors import RefusedError

Fix = Callable[[bytes], bytes | None]
"""From a refused value to the mended one; None leaves the letter where it is."""


class FixError(Exception):
    """This letter cannot be mended so; it stays."""


def load_fix(path: Path) -> Fix:
    """Read a fix from a `.json` file (RFC 6902) or a `.py` file with `fix(value: bytes) -> bytes | None`.

    A patch leaves the letters whose `test` fails.

    Returns:
        a function that raises nothing but `FixError`.

    Raises:
        RefusedError: the file is neither.
    """
    if not path.is_file():
        raise RefusedError(f"There is no file {path}: name a JSON Patch (.json) or a Python file (.py) with `fix`.")
    if path.suffix == ".json":
        return _guarded(_patch(path))
    if path.suffix == ".py":
        return _guarded(_function(path))
    raise RefusedError(f"{path} is neither a JSON Patch (.json) nor a Python file (.py) with `fix(value)`.")


def _patch(path: Path) -> Fix:
    from jsonpatch import JsonPatch, JsonPatchException, JsonPatchTestFailed
    from jsonpointer import JsonPointerException

    try:
        patch = JsonPatch(json.loads(path.read_bytes()))
    except (ValueError, TypeError, AttributeError, JsonPatchException, JsonPointerException) as error:
        raise RefusedError(
            f"{path} is not a JSON Patch ({error}): it is a list of operations, such as "
            '[{"op": "replace", "path": "/name", "value": "view_item"}].'
        ) from None

    def fix(value: bytes) -> bytes | None:
        try:
            record = json.loads(value)
        except ValueError:
            raise FixError("the value is not JSON, which a JSON Patch cannot mend: use a Python file") from None
        try:
            return json.dumps(patch.apply(record), ensure_ascii=False, separators=(",", ":")).encode()
        except JsonPatchTestFailed:
            return None

    return fix


def _function(path: Path) -> Fix:
    try:
        found = runpy.run_path(str(path)).get("fix")
    except Exception as error:  # noqa: BLE001  the operator's own code
        raise RefusedError(f"{path} cannot be run ({type(error).__name__}: {error}).") from None
    if not callable(found):
        raise RefusedError(f"{path} has no function `fix(value: bytes) -> bytes | None`.")

    def fix(value: bytes) -> bytes | None:
        mended = found(value)
        if mended is not None and not isinstance(mended, bytes):
            raise FixError(f"fix gave {type(mended).__name__}, not bytes or None")
        return mended

    return fix


def _guarded(fix: Fix) -> Fix:
    def guarded(value: bytes) -> bytes | None:
        try:
            return fix(value)
        except FixError:
            raise
        except Exception as error:  # noqa: BLE001  one letter's odd bytes must not end the work on the others
            raise FixError(f"{type(error).__name__}: {error}") from None

    return guarded
