"""The console, and people who would like to be operators, or to be shown more than they may see."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer

from streams.console.app import AUDIT, build_console
from streams.console.operators import COOKIE, Operators
from streams.console.pages import FOLDER
from streams.gateway.visitor_cookie import VisitorCookies
from streams.settings import Settings
from streams.web.keys import KeyRing, Role, line_of, new_key

HERE = "http://127.0.0.1:8081"
SECRET = "a secret of thirty-two characters or more"
EVIL = 'w"},\n{"who":"ann","what":"reveal"}\r\n\x1b[2J<img src=x onerror=alert(1)>\u2028'
Work = Callable[[httpx.AsyncClient], Awaitable[None]]


class Door:
    """A console with an operator and one who may look; `play` lets somebody ask it."""

    def __init__(self, folder: Path) -> None:
        roles: tuple[Role, ...] = ("server", "view", "operate")
        self.keys = {role: new_key() for role in roles}
        self.file, self.audit = folder / "keys", folder / AUDIT
        self.file.write_text("".join(line_of(f"the-{role}", role, key) + "\n" for role, key in self.keys.items()))
        settings = Settings(
            _env_file=None, data_dir=folder, kafka_bootstrap_servers="127.0.0.1:9", keys_file=self.file,
            gateway_secrets=SECRET,
        )  # fmt: skip
        self.app = build_console(settings, {})

    def play(self, work: Work) -> None:
        """Ask, as the console's own page would."""

        async def run() -> None:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
                await work(client)

        asyncio.run(run())

    async def login(self, client: httpx.AsyncClient, role: Role) -> str:
        """Come in; gives the cookie."""
        answer = await client.post("/console/login", data={"key": self.keys[role]})
        assert answer.status_code == 303
        return client.cookies[COOKIE]


@pytest.fixture
def door(tmp_path: Path) -> Door:
    """Give a console."""
    return Door(tmp_path)


def test_cookies_of_others_open_nothing(door: Door) -> None:
    """A visitor's, one signed with the shop's secret for operators, another process's, a changed one."""

    async def work(client: httpx.AsyncClient) -> None:
        mine = await door.login(client, "view")
        client.cookies.clear()
        _, elsewhere = Operators(KeyRing(door.file)).login(door.keys["operate"]) or (None, "")
        for value in (
            VisitorCookies([SECRET]).write("the-operate"), elsewhere, mine[:-1] + ("A" if mine[-1] != "A" else "B"),
            URLSafeTimedSerializer(SECRET, salt="aisle.console").dumps(["1", "2", 3]), door.keys["operate"], "",
            mine.partition(".")[0], f"{mine}.{mine}",
        ):  # fmt: skip
            for path in ("/console/api/me", "/console/api/figures", "/console/api/visitors/x"):
                assert (await client.get(path, headers={"cookie": f"{COOKIE}={value}"})).status_code == 401
            assert "figures.js" not in (await client.get("/console", headers={"cookie": f"{COOKIE}={value}"})).text

    door.play(work)


def test_a_cookie_that_was_there_before_is_not_the_sessions(door: Door) -> None:
    """Whoever put one into a browser does not come in with who logs in there."""

    async def work(client: httpx.AsyncClient) -> None:
        planted = await door.login(client, "view")
        await client.post("/console/logout")
        client.cookies.set(COOKIE, planted, path="/console")
        client.cookies.clear()
        assert await door.login(client, "view") != planted
        assert (await client.get("/console/api/me", headers={"cookie": f"{COOKIE}={planted}"})).status_code == 401

    door.play(work)


@pytest.mark.parametrize("asks", ["find", "visitors/x/reveal"])
def test_who_may_only_look_finds_and_reveals_nobody(door: Door, asks: str) -> None:
    """Nor does who is nobody; the body is not what decides."""

    async def work(client: httpx.AsyncClient) -> None:
        body = {"visitor_id": "w", "role": "operate", "holder": {"role": "operate"}}
        assert (await client.post(f"/console/api/{asks}", json=body)).status_code == 401
        await door.login(client, "view")
        assert (await client.post(f"/console/api/{asks}", json=body)).status_code == 403

    door.play(work)


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://127.0.0.1:8081.evil.example"}, {"origin": "http://evil.example/127.0.0.1:8081"},
     {"origin": "http://127.0.0.1:8081@evil.example"}, {"origin": "http://127.0.0.1"}, {"origin": "http://[::1"},
     {"origin": "null"}, {"origin": HERE + ", http://evil.example"}, {"sec-fetch-site": "same-site"},
     {"sec-fetch-site": "none"}, {}],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/console/login", "/console/logout", "/console/api/find"])
def test_another_page_neither_logs_in_nor_acts(door: Door, path: str, headers: dict[str, str]) -> None:
    """With the operator's cookie, too."""

    async def work(client: httpx.AsyncClient) -> None:
        await door.login(client, "operate")
        del client.headers["origin"]
        assert (await client.post(path, data={"key": door.keys["view"]}, headers=headers)).status_code == 403

    door.play(work)


def test_what_is_written_down_stays_one_line(door: Door) -> None:
    """Whatever was looked for: an entry holds a hash of it, and no text of a request."""

    async def work(client: httpx.AsyncClient) -> None:
        await client.post("/console/login", data={"key": EVIL})
        await door.login(client, "operate")
        for visitor_id in (EVIL.replace("\n", "").replace("\r", "").replace("\x1b", ""), "w\u2028x", "__proto__"):
            answer = await client.post("/console/api/find", json={"visitor_id": visitor_id})
            assert answer.status_code == 200
            assert len(answer.json()["short"]) <= 5

    door.play(work)
    entries = [json.loads(line) for line in door.audit.read_text().splitlines()]
    assert [entry["what"] for entry in entries] == ["refused", "login", "find", "find", "find"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", entry["visitor"]) for entry in entries if "visitor" in entry)


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"visitor_id": NaN}', b'{"visitor_id": "\\ud800"}', b"[" * 5000, b"5", b"\xff", b'{"visitor_id": "a\\n"}'],
)  # fmt: skip
def test_nonsense_is_told_so_and_not_repeated(door: Door, body: bytes) -> None:
    """Nothing of it comes back, and nothing breaks."""

    async def work(client: httpx.AsyncClient) -> None:
        await door.login(client, "operate")
        answer = await client.post("/console/api/find", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in {400, 422}
        assert "input" not in answer.text

    door.play(work)


def test_no_page_can_be_framed_kept_or_opened_by_another(door: Door) -> None:
    """Also refusals, the form and files."""

    async def work(client: httpx.AsyncClient) -> None:
        for path in ("/console", "/console/api/me", "/nowhere", "/console/assets/console.js", "/healthz"):
            said = (await client.get(path)).headers
            assert "frame-ancestors 'none'" in said["content-security-policy"]
            assert (said["x-frame-options"], said["cross-origin-opener-policy"]) == ("DENY", "same-origin")
            assert (said["cache-control"], said["referrer-policy"]) == ("no-store", "same-origin")
        refused = await client.get("/console", headers={"host": "evil.example"})
        assert (refused.status_code, refused.headers["cache-control"]) == (421, "no-store")

    door.play(work)


def test_keys_are_tried_slowly_from_everywhere_together(door: Door) -> None:
    """A wrong key, a server's and none take as many attempts; other addresses have theirs, but only so many in all."""

    async def tried(address: str) -> int:
        transport = httpx.ASGITransport(door.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
            return (await client.post("/console/login", data={"key": door.keys["server"]})).status_code

    async def work(_client: httpx.AsyncClient) -> None:
        assert [await tried("192.0.2.1") for _ in range(6)] == [401] * 5 + [429]
        assert await tried("192.0.2.2") == 401
        network = [await tried(f"2001:db8::{number}") for number in range(6)]
        assert network == [401] * 5 + [429]
        assert 429 in [await tried(f"198.51.100.{number}") for number in range(60)]

    door.play(work)


def test_a_stream_ends_with_its_session(door: Door) -> None:
    """Logged out, or the key is gone: nothing more is told to who still listens."""

    async def listens(ends: Callable[[httpx.AsyncClient], Awaitable[object]], client: httpx.AsyncClient) -> None:
        stream = asyncio.create_task(client.get("/console/api/figures/stream"))  # comes back when the stream ends
        await asyncio.sleep(0.05)
        assert not stream.done()
        await ends(client)
        async with asyncio.timeout(5):
            assert (await stream).status_code == 200

    async def logs_out(client: httpx.AsyncClient) -> None:
        await client.post("/console/logout")

    async def loses_key(_client: httpx.AsyncClient) -> None:
        door.file.write_text(line_of("ann", "view", new_key()) + "\n")

    async def work(client: httpx.AsyncClient) -> None:
        for ends in (logs_out, loses_key):
            await door.login(client, "view")
            await listens(ends, client)

    door.play(work)


def test_scripts_make_text_and_never_markup() -> None:
    """Titles, ids and words come from anybody: no script of the pages writes markup, runs text, or takes addresses."""
    for file in sorted(FOLDER.glob("*.js")):
        text = file.read_text()
        found = re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|srcdoc", text)
        assert not found, file.name
        for address in re.findall(r"\b(?:href|src|action)\b\s*[:=]\s*(.)", text):
            assert address in "\"`'", f"{file.name}: an address that begins with what was told"
