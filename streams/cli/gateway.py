"""`aisle gateway`: events in from browsers and servers, slates out."""


def gateway() -> None:
    """Serve pages and servers over HTTP: POST /v1/events, GET /v1/recommendations, GET /v1/stream.

    Any number of them may run: every one serves every visitor. SIGTERM or Ctrl-C ends it cleanly.
    """
    import logging.config

    from streams.gateway.app import build_gateway
    from streams.settings import Settings
    from streams.telemetry import logging_config
    from streams.web.server import listen, serve
    from streams.web_settings import listed

    settings = Settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    listener = listen(settings.gateway_host, settings.gateway_port, setting="AISLE_GATEWAY_PORT")
    serve(
        build_gateway(settings),
        listener,
        connections=settings.gateway_connections,
        proxies=listed(settings.gateway_proxies),
    )
