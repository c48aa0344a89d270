"""Who may come into the console, under which name, and what is written down of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.errors import RefusedError, RetryError
from streams.console.app import AUDIT, build_console, check_door
from streams.console.audit import AuditLog
from streams.console.operators import COOKIE, LASTS_S, RENEW_AFTER_S, RENEWED_S, Operators
from streams.console.shortening import Handles, fingerprint, shortened
from streams.settings import Settings
from streams.web.keys import KeyRing, Role, line_of, new_key

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HERE = "http://127.0.0.1:8081"


class Keys:
    """A file of keys, one of each role."""

    def __init__(self, folder: Path) -> None:
        roles: tuple[Role, ...] = ("server", "view", "operate")
        self.of = {role: new_key() for role in roles}
        self.file = folder / "keys"
        self.file.write_text("".join(line_of(f"the-{role}", role, key) + "\n" for role, key in self.of.items()))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Give keys in a file."""
    return Keys(tmp_path)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def settings(folder: Path, **more: Any) -> Settings:
    """Give settings that are not this machine's."""
    return Settings(_env_file=None, data_dir=folder, kafka_bootstrap_servers="127.0.0.1:9", **more)


def asked(folder: Path, work: Callable[[httpx.AsyncClient, Any], Awaitable[None]], **more: Any) -> None:
    """Ask a console that no service works beside."""
    app = build_console(settings(folder, **more), {})

    async def run() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
            await work(client, app)

    asyncio.run(run())


def entries(folder: Path) -> list[dict[str, str]]:
    """Read the audit log."""
    return [json.loads(line) for line in (folder / AUDIT).read_text().splitlines()]


def test_a_key_is_exchanged_for_a_cookie_that_scripts_do_not_see(tmp_path: Path, keys: Keys) -> None:
    """It is sent to the console alone, and never along from another site; both are written down."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        assert (await client.get("/console/api/me")).status_code == 401
        answer = await client.post("/console/login", data={"key": keys.of["view"]})
        cookie = answer.headers["set-cookie"]
        assert answer.status_code == 303
        assert all(part in cookie for part in (COOKIE, "HttpOnly", "SameSite=strict", "Path=/console", "Max-Age=3600"))
        assert (await client.get("/console/api/me")).json() == {"name": "the-view", "role": "view", "open": False}
        assert (await client.post("/console/logout")).status_code == 303
        client.cookies.set(COOKIE, cookie.split("=", 1)[1].split(";")[0])
        assert (await client.get("/console/api/me")).status_code == 401

    asked(tmp_path, work, keys_file=keys.file)
    assert [(one["who"], one["what"]) for one in entries(tmp_path)] == [("the-view", "login"), ("the-view", "logout")]


@pytest.mark.parametrize("key", ["", "aisle_nonsense", "server"])
def test_what_is_no_key_of_an_operator_is_refused(tmp_path: Path, keys: Keys, key: str) -> None:
    """A server's key opens the shop's API, not the console."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        answer = await client.post("/console/login", data={"key": keys.of.get(key, key)})  # type: ignore[call-overload]
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert "no key of an operator" in answer.text

    asked(tmp_path, work, keys_file=keys.file)
    assert [one["what"] for one in entries(tmp_path)] == ["refused"]


def test_keys_are_not_tried_for_long(tmp_path: Path, keys: Keys) -> None:
    """After five attempts at once even the right one has to wait."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        for _ in range(5):
            assert (await client.post("/console/login", data={"key": "wrong"})).status_code == 401
        answer = await client.post("/console/login", data={"key": keys.of["operate"]})
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 13

    asked(tmp_path, work, keys_file=keys.file)


def test_a_cookie_is_renewed_but_not_for_ever(keys: Keys) -> None:
    """An hour without renewal ends it, and eight hours end it anyway."""
    clock = Clock()
    operators = Operators(KeyRing(keys.file), clock=clock)
    _, cookie = operators.login(keys.of["operate"]) or (None, "")
    for _ in range(RENEWED_S // LASTS_S):
        clock.now += LASTS_S - 1
        session = operators.read(cookie)
        assert session is not None
        assert session.stale
        cookie = operators.cookie(session)
    clock.now += LASTS_S - 1
    assert operators.read(cookie) is None

    _, cookie = operators.login(keys.of["operate"]) or (None, "")
    clock.now += RENEW_AFTER_S - 1
    fresh = operators.read(cookie)
    assert fresh is not None
    assert not fresh.stale
    clock.now += LASTS_S
    assert operators.read(cookie) is None


def test_a_cookie_ends_with_its_key(keys: Keys) -> None:
    """Whoever is taken out of the file is out at once."""
    operators = Operators(KeyRing(keys.file))
    _, cookie = operators.login(keys.of["view"]) or (None, "")
    assert operators.read(cookie) is not None
    keys.file.write_text("")
    assert operators.read(cookie) is None


def test_a_cookie_of_another_process_is_worth_nothing(keys: Keys) -> None:
    """Secrets are made at the start."""
    _, cookie = Operators(KeyRing(keys.file)).login(keys.of["view"]) or (None, "")
    assert Operators(KeyRing(keys.file)).read(cookie) is None
    assert Operators(KeyRing(keys.file)).read("nonsense") is None


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", "[::1]", ""])
def test_another_name_is_refused(tmp_path: Path, host: str) -> None:
    """Also on a loopback address: a page whose name comes to point there would read the console."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        answer = await client.get("/console", headers={"host": host})
        assert answer.status_code == 421
        assert "aisle console" not in answer.text

    asked(tmp_path, work, console_open=True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8080"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": HERE}, 404),
    ],
)
def test_another_page_changes_nothing(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    """What is not asked by the console's own page is refused, though the cookie came along."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        assert (await client.post("/console/api/visitors/none/reveal", headers=headers)).status_code == status

    asked(tmp_path, work, console_open=True)


def test_the_forms_of_the_console_say_where_they_are_from(tmp_path: Path, keys: Keys) -> None:
    """Told to send no referrer, browsers send a form with `Origin: null`, as another page does."""

    async def work(client: httpx.AsyncClient, _: Any) -> None:
        assert (await client.get("/console")).headers["referrer-policy"] == "same-origin"
        form, null = {"key": keys.of["view"]}, {"origin": "null", "sec-fetch-site": "cross-site"}
        assert (await client.post("/console/login", data=form, headers=null)).status_code == 403

    asked(tmp_path, work, keys_file=keys.file)


def test_pages_hold_nothing_inline(tmp_path: Path) -> None:
    """The policy of contents forbids it, so that a text that gets into a page is never run."""

    async def work(client: httpx.AsyncClient, _app: Any) -> None:
        page = await client.get("/console")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "style=" not in page.text
        assert "<script>" not in page.text
        assert (await client.get("/console/assets/console.js")).headers["content-type"].startswith("text/javascript")
        assert (await client.get("/console/assets/console.html")).status_code == 404
        assert (await client.get("/console/assets/..%2Fapp.py")).status_code == 404

    asked(tmp_path, work, console_open=True)


def test_everybody_is_let_in_only_on_a_loopback_address(tmp_path: Path) -> None:
    """And a console that nobody could log in to does not start."""
    check_door(settings(tmp_path, console_open=True, console_host="::1"))
    with pytest.raises(RefusedError, match="can be reached from elsewhere"):
        check_door(settings(tmp_path, console_open=True, console_host="0.0.0.0"))
    with pytest.raises(RefusedError, match="AISLE_KEYS_FILE"):
        check_door(settings(tmp_path))
    with pytest.raises(RefusedError, match="AISLE_CONSOLE_HOSTS"):
        check_door(settings(tmp_path, console_open=True, console_hosts=" ,"))


def test_an_id_is_revealed_to_who_may_operate_and_written_down(tmp_path: Path, keys: Keys) -> None:
    """The log has who asked and a hash: who knows the id finds it, who reads the log does not."""
    seen: dict[str, Any] = {}

    async def work(client: httpx.AsyncClient, app: Any) -> None:
        handle = app.state.watching.name("w-somebody")
        for role in ("view", "operate"):
            await client.post("/console/login", data={"key": keys.of[role]})  # type: ignore[index]
            seen[role] = await client.post(f"/console/api/visitors/{handle}/reveal")
            seen[f"{role} finds"] = await client.post("/console/api/find", json={"visitor_id": "w-somebody"})

    asked(tmp_path, work, keys_file=keys.file)
    assert (seen["view"].status_code, seen["view finds"].status_code) == (403, 403)
    assert seen["operate"].json() == {"visitor_id": "w-somebody"}
    assert seen["operate finds"].json()["short"] == "w-so…"
    told = [one for one in entries(tmp_path) if one["what"] in {"reveal", "find"}]
    assert [(one["who"], one["what"]) for one in told] == [("the-operate", "reveal"), ("the-operate", "find")]
    assert {one["visitor"] for one in told} == {fingerprint("w-somebody")}
    assert "w-somebody" not in (tmp_path / AUDIT).read_text()


def test_what_cannot_be_written_down_is_not_done(tmp_path: Path) -> None:
    """A full disk reveals nobody."""
    (tmp_path / AUDIT).mkdir()

    async def work(client: httpx.AsyncClient, app: Any) -> None:
        handle = app.state.watching.name("w-somebody")
        answer = await client.post(f"/console/api/visitors/{handle}/reveal")
        assert answer.status_code == 503
        assert "w-somebody" not in answer.text

    asked(tmp_path, work, console_open=True)


def test_the_audit_log_is_its_owners_alone(tmp_path: Path) -> None:
    """Lines are added, never changed."""
    log = AuditLog(tmp_path / "deep" / "audit.log", clock=lambda: NOON)
    log.write("ann", "login")
    log.write("ann", "reveal", "v1")
    written = (tmp_path / "deep" / "audit.log").read_text()
    assert written.splitlines()[0] == '{"at":"2026-05-01T12:00:00.000Z","who":"ann","what":"login"}'
    assert (tmp_path / "deep" / "audit.log").stat().st_mode & 0o777 == 0o600
    with pytest.raises(RetryError):
        AuditLog(tmp_path / "deep").write("ann", "login")


def test_a_handle_says_nothing_of_the_id() -> None:
    """It holds for one process, and an id is shown by its beginning, never whole."""
    one, other = Handles(), Handles()
    assert one.of("v1") == one.of("v1")
    assert one.of("v1") != other.of("v1")
    assert [shortened(name) for name in ("v", "v1", "v123456", "anna@example.com")] == ["…", "v…", "v12…", "anna…"]
