"""The settings of what is reached over the web: the gateway, the console, and their keys."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

SECRET_LENGTH = 32
PORTS = {"http": 80, "https": 443}
"""What browsers leave out."""


class WebSettings(BaseSettings):
    """Part of `Settings`: lists are separated by commas, as environment variables are."""

    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens at.")
    gateway_port: int = Field(8080, ge=0, le=65535, description="Port of the gateway; 0 takes a free one.")
    gateway_hosts: str = Field(
        "", description="Names the gateway is called by (the Host header), separated by commas; empty: any."
    )
    gateway_origins: str = Field(
        "", description="Origins of shops, besides the gateway's own, whose pages may send events and read slates."
    )
    gateway_secrets: SecretStr | None = Field(
        None,
        description="Secrets that sign visitors' cookies, 32 characters or more each: the first signs, the others are "
        "still known. The same for every gateway. Unset: made at the start, and gone with the process.",
    )
    gateway_secure_cookie: bool = Field(
        True, description="Send cookies over HTTPS only; False where there is none, as on a laptop."
    )
    gateway_cookie_days: int = Field(180, ge=1, le=400, description="A visitor who stays away longer is new.")
    gateway_search_param: str = Field(
        "q", max_length=64, description="Query parameter of the shop's search page; of others only utm_* are kept."
    )
    gateway_proxies: str = Field(
        "", description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    gateway_buffer_s: float = Field(
        20, ge=1, le=600, description="Events wait so long for a broker that is away; then the answer is 503."
    )
    gateway_buffer_records: int = Field(
        20_000, ge=100, le=1_000_000, description="Most events that wait for the broker's acknowledgement."
    )
    gateway_rate: float = Field(
        50,
        gt=0,
        le=1e6,
        description="Most events a second from one browser, in the long run; ten times that in a burst, or from one "
        "address.",
    )
    gateway_address_rate: float = Field(
        200, gt=0, le=1e6, description="Most requests a second from one address; ten times that in a burst."
    )
    gateway_streams: int = Field(6_000, ge=1, le=100_000, description="Most open streams of one gateway.")
    gateway_connections: int = Field(
        9_000, ge=10, le=1_000_000, description="Most connections of one gateway; of one client a tenth of them."
    )
    gateway_cache_mb: int = Field(256, ge=8, le=65_536, description="Memory for visitors' newest slates.")
    gateway_contextual_per_s: float = Field(
        20, ge=0, le=10_000, description="Most slates a second that a gateway asks for visitors without consent."
    )
    keys_file: Path | None = Field(
        None, description="API keys as `aisle keys` writes them: name, role and hash, a line each."
    )
    console_host: str = Field("127.0.0.1", description="Address the console listens at.")
    console_port: int = Field(8081, ge=0, le=65535, description="Port of the console; 0 takes a free one.")
    console_hosts: str = Field(
        "localhost,127.0.0.1", description="Names the console is called by (the Host header), separated by commas."
    )
    console_url: str | None = Field(None, description="Where the console is: the gateway leads from /console there.")
    console_metrics: str = Field(
        "", description="Addresses of gateways' and workers' /metrics that the console reads, separated by commas."
    )
    console_open: bool = Field(False, description="Let anybody in who reaches the console: for a demo, on a loopback.")

    @field_validator("gateway_secrets")
    @classmethod
    def _hard_to_guess(cls, secrets: SecretStr | None) -> SecretStr | None:
        """Refuse what could be found by trying."""
        if secrets is not None and any(len(one) < SECRET_LENGTH for one in listed(secrets.get_secret_value())):
            raise ValueError(f"each secret needs {SECRET_LENGTH} characters or more")
        return secrets

    @field_validator("gateway_origins")
    @classmethod
    def _as_browsers_write_them(cls, origins: str) -> str:
        """Refuse what no browser sends as an origin: it would shut the shop out without a word."""
        for origin in listed(origins):
            if not _is_origin(origin):
                raise ValueError(
                    f"{origin} is no origin: write it as https://shop.example, without a path or its scheme's own port"
                )
        return origins

    @field_validator("console_url", "console_metrics")
    @classmethod
    def _can_be_called(cls, addresses: str | None) -> str | None:
        """Refuse what is no address of a page."""
        for address in listed(addresses or ""):
            if not _is_address(address):
                raise ValueError(f"{address} is no address: it begins with http:// or https://")
        return addresses

    @property
    def own_secrets(self) -> tuple[str, ...]:
        """Give the secrets that sign cookies, newest first; none where none are set."""
        return () if self.gateway_secrets is None else listed(self.gateway_secrets.get_secret_value())


def _is_origin(text: str) -> bool:
    """Tell whether a browser would say so of a page."""
    if not _is_address(text):
        return False
    parts = urlsplit(text.rstrip("/"))
    plain = not any(parts[2:]) and "@" not in parts.netloc and "*" not in parts.netloc
    return plain and parts.port != PORTS[parts.scheme]


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def listed(names: str) -> tuple[str, ...]:
    """Read a setting that is a list.

    >>> listed(" a, b,,")
    ('a', 'b')
    """
    return tuple(name.strip() for name in names.split(",") if name.strip())
