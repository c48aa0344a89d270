"""`.env.example`, made from the settings: `python -m streams.env_example > .env.example`."""

import sys

from streams.reference import variable
from streams.settings import Settings


def env_example() -> str:
    """Write every setting, commented out, with its meaning and default."""
    lines = ["# Copy to .env and set what differs. Made by `python -m streams.env_example`."]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        lines += ["", f"# {field.description}", f"#{variable(name, field)}={default}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(env_example())
