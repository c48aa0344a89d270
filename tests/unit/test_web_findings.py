"""What `aisle doctor` says of the gateway and the console."""

from pathlib import Path
from typing import Any

from streams.settings import Settings
from streams.web.key_file import added
from streams.web.keys import new_key
from streams.web_findings import cookies_finding, holders_finding, origins_finding

SECRET = "s" * 40


def settings(**fields: Any) -> Settings:
    """Give settings of nothing but these."""
    return Settings(_env_file=None, **fields)


def test_without_secrets_visitors_are_new_after_a_restart() -> None:
    """It is said how to make one; where there are some, they are counted and never shown."""
    bare = cookies_finding(settings())
    assert (bare.level, "AISLE_GATEWAY_SECRETS" in bare.step) == ("note", True)
    two = cookies_finding(settings(gateway_secrets=f"{SECRET},{SECRET}"))
    assert (two.level, two.found) == ("ok", "2 secrets, the first signs; sent over HTTPS only")
    plain = cookies_finding(settings(gateway_secrets=SECRET, gateway_secure_cookie=False))
    assert plain.level == "note"


def test_origins_as_browsers_say_them_are_fine() -> None:
    """A stroke at the end does no harm; none at all is a note, since the shop may be elsewhere."""
    assert origins_finding(settings(gateway_origins="https://shop.example/,http://localhost:3000")).level == "ok"
    assert origins_finding(settings()).level == "note"


def test_keys_are_counted_by_role(tmp_path: Path) -> None:
    """A file that no gateway could read is a problem, and none at all a note."""
    path = tmp_path / "keys"
    assert holders_finding(settings()).level == "note"
    assert holders_finding(settings(keys_file=path)).level == "problem"
    path.touch()
    assert holders_finding(settings(keys_file=path)).level == "note"
    for name, role in (("shop", "server"), ("erp", "server"), ("ann", "operate")):
        added(path, name, role, new_key())  # type: ignore[arg-type]
    assert holders_finding(settings(keys_file=path)).found == "1 operate, 2 server"
    path.write_text("nonsense\n")
    assert "line 1" in holders_finding(settings(keys_file=path)).found
