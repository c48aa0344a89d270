"""What comes with an import."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import importlib, pkgutil, sys
import models, schemas, streams
for package in (schemas, models, streams):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(*sorted({"torch", "sentence_transformers", "openai", "testcontainers"} & sys.modules.keys()))
"""


def test_no_module_loads_what_is_heavy_or_optional() -> None:
    """Workers without the extras import everything; so does a run of all examples in the documentation."""
    loaded = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True, cwd=ROOT)

    assert loaded == "\n"
