"""The tables of the documentation that are made from the code: `python -m streams.reference` writes them."""

from pathlib import Path

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from streams.settings import Settings
from streams.telemetry import metrics_table

DOCS = Path(__file__).parents[1] / "docs"


def settings_table() -> str:
    """Write the settings as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`" if str(field.default) else "empty"
        lines.append(f"| `{variable(name, field)}` | {default} | {field.description} |")
    return "\n".join(lines)


def variable(name: str, field: FieldInfo) -> str:
    """Name the environment variable of a setting."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"AISLE_{name.upper()}"


def pages() -> dict[str, str]:
    """Give the generated pages by file name."""
    return {
        "settings.md": "# Settings\n"
        "By environment variable or in a `.env` file. Generated from `streams/settings.py`.\n\n"
        f"{settings_table()}\n",
        "metrics.md": "# Metrics\nServed by every process at `/metrics`. Generated from `streams/telemetry.py`.\n\n"
        f"{metrics_table()}\n",
    }


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text)
