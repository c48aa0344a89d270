"""`python -m streams.demo.storefront`: the gateway, with a shop in front."""

import logging.config
from collections.abc import Sequence
from functools import partial

from fastapi import APIRouter

from models.catalogue import Catalogue
from schemas.errors import RefusedError
from streams.demo.storefront.assortment import Assortment
from streams.demo.storefront.routes import build_storefront
from streams.gateway.app import build_gateway
from streams.settings import Settings
from streams.telemetry import logging_config
from streams.web.server import listen, serve
from streams.web_settings import listed


def main() -> None:
    """Serve until SIGTERM or Ctrl-C; `AISLE_GATEWAY_*` say where, as for `aisle gateway`."""
    settings = Settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    listener = listen(settings.gateway_host, settings.gateway_port, setting="AISLE_GATEWAY_PORT")
    app = build_gateway(settings, pages=partial(shop_pages, console_url=settings.console_url), documented=True)
    serve(app, listener, connections=settings.gateway_connections, proxies=listed(settings.gateway_proxies))


def shop_pages(catalogue: Catalogue, console_url: str | None = None) -> Sequence[APIRouter]:
    """Put the shop's pages before a catalogue."""
    return [build_storefront(Assortment(catalogue), console_url=console_url)]


if __name__ == "__main__":
    try:
        main()
    except RefusedError as error:
        raise SystemExit(str(error)) from None
