"""What is there and what is missing of the gateway's and the console's settings: part of `aisle doctor`."""

from collections import Counter

from schemas.errors import RefusedError
from streams.finding import Finding
from streams.settings import Settings
from streams.web.keys import KeyRing
from streams.web_settings import listed


def web_findings(settings: Settings) -> list[Finding]:
    """Look at what the gateway and the console are told; no secret is shown."""
    return [cookies_finding(settings), origins_finding(settings), holders_finding(settings)]


def cookies_finding(settings: Settings) -> Finding:
    """Look for the secrets that sign visitors' cookies, and how those travel."""
    if not settings.own_secrets:
        step = (
            "set AISLE_GATEWAY_SECRETS, the same for every gateway: "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
        return Finding("cookies", "note", "no secrets: after a restart of the gateway all visitors are new", step)
    found = f"{len(settings.own_secrets)} secrets, the first signs"
    if not settings.gateway_secure_cookie:
        step = "leave AISLE_GATEWAY_SECURE_COOKIE unset wherever there is HTTPS"
        return Finding("cookies", "note", f"{found}; sent over plain HTTP, too", step)
    return Finding("cookies", "ok", f"{found}; sent over HTTPS only")


def origins_finding(settings: Settings) -> Finding:
    """Say whose pages may send events; settings refuse what no browser would say."""
    origins = listed(settings.gateway_origins)
    if not origins:
        step = "set AISLE_GATEWAY_ORIGINS where the shop's pages are at another one"
        return Finding("origins", "note", "pages of the gateway's own origin only", step)
    return Finding("origins", "ok", f"pages of {', '.join(origins)}, and of the gateway's own")


def holders_finding(settings: Settings) -> Finding:
    """Look for the keys of servers and operators."""
    step = "`aisle keys add NAME --role server` for the shop's servers, `view` or `operate` for the console"
    if settings.keys_file is None:
        return Finding("API keys", "note", "none: no server can send events, and nobody log in", step)
    try:
        roles = Counter(holder.role for holder in KeyRing(settings.keys_file).holders())
    except RefusedError as error:
        return Finding("API keys", "problem", str(error), "mend the file, or unset AISLE_KEYS_FILE")
    if not roles:
        return Finding("API keys", "note", f"none in {settings.keys_file}", step)
    return Finding("API keys", "ok", ", ".join(f"{count} {role}" for role, count in sorted(roles.items())))
