"""`aisle console`: live figures for operators, and why a visitor sees what they see."""

GIVES_WAY = 5
"""The console may be late, the shop not."""

CONNECTIONS = 500


def console() -> None:
    """Serve the operators' page at /console: figures of the installation, and a visitor's view that shows why.

    It reads Kafka and writes nothing there. SIGTERM or Ctrl-C ends it cleanly.
    """
    import logging.config
    import os

    from streams.admin import check_topics
    from streams.console.app import build_console, check_door
    from streams.generations import current
    from streams.kafka import aiokafka_config, is_embedded
    from streams.settings import Settings
    from streams.telemetry import logging_config
    from streams.web.server import listen, serve
    from streams.web_settings import listed

    settings = Settings()
    logging.config.dictConfig(logging_config(settings.log_level, settings.log_format))
    check_door(settings)
    listener = listen(settings.console_host, settings.console_port, setting="AISLE_CONSOLE_PORT")
    if is_embedded():
        from streams.brokers.aiokafka import adapt_aiokafka

        adapt_aiokafka()
    os.nice(GIVES_WAY)
    settings = current(settings)
    check_topics(settings)
    app = build_console(settings, aiokafka_config(settings))
    serve(app, listener, connections=CONNECTIONS, proxies=listed(settings.gateway_proxies))
