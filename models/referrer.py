"""What kind of place a visit comes from, by the names of sites and of campaigns; addresses themselves are not kept."""

from typing import Final

from schemas.events import Event, Landing

SEARCH, SOCIAL, MAIL, SHOPPING = "search", "social", "mail", "shopping"
OWN: Final = "own"
"""The shop's own pages: a visit that goes on after a pause."""
SITE: Final = "site"
"""Any other site, affiliates included."""
DIRECT: Final = "direct"
"""Nothing is said: typed, bookmarked, or hidden."""

HOSTS: Final = {
    "mail.google.com": MAIL, "com.google.android.gm": MAIL, "mail.yahoo.com": MAIL, "mail.yandex.ru": MAIL,
    "outlook.live.com": MAIL, "outlook.office.com": MAIL, "shopping.google.com": SHOPPING,
    "shopping.yahoo.com": SHOPPING, "l.messenger.com": SOCIAL, "t.co": SOCIAL, "t.me": SOCIAL,
    "lnkd.in": SOCIAL, "youtu.be": SOCIAL,
}  # fmt: skip
"""Whole names, looked at first."""

LABELS: Final = {
    **dict.fromkeys(
        ("google", "bing", "duckduckgo", "yahoo", "ecosia", "baidu", "yandex", "qwant", "startpage", "naver", "seznam",
         "search"), SEARCH,
    ),
    **dict.fromkeys(
        ("facebook", "instagram", "pinterest", "tiktok", "youtube", "twitter", "reddit", "linkedin", "snapchat",
         "threads", "whatsapp", "telegram", "vk", "weibo", "bsky", "tumblr"), SOCIAL,
    ),
    **dict.fromkeys(("mail", "webmail", "newsletter", "outlook", "gmail", "mailchimp", "klaviyo"), MAIL),
    **dict.fromkeys(
        ("idealo", "geizhals", "billiger", "kelkoo", "pricerunner", "pricespy", "prisjakt", "shopzilla", "kieskeurig",
         "beslist", "ceneo", "heureka", "trovaprezzi", "skroutz", "criteo"), SHOPPING,
    ),
}  # fmt: skip
"""One part of a host's name, or a `utm_source`: "google" of www.google.co.uk."""

MEDIA: Final = {
    **dict.fromkeys(("email", "e-mail", "mail", "newsletter"), MAIL),
    **dict.fromkeys(("social", "paid-social", "paid_social", "paidsocial", "social-media", "sm"), SOCIAL),
    **dict.fromkeys(("shopping", "comparison", "price-comparison", "feed", "product_listing"), SHOPPING),
    **dict.fromkeys(("affiliate", "affiliates", "referral", "display", "banner", "partner"), SITE),
}
"""A `utm_medium` that says it by itself."""

PAID: Final = frozenset({"cpc", "ppc", "sem", "paid", "paid-search", "paidsearch", "paid_search", "organic"})
"""A `utm_medium` that means a search engine unless the source says what else it is."""


def host_of(address: str) -> str:
    """Name the host of an address, in lower case and without "www."; "" where there is none.

    >>> host_of("https://user@WWW.Shop.example:443/p?q=1"), host_of("about:blank")
    ('shop.example', '')
    """
    _, slashes, rest = address.partition("//")
    for end in "/?#\\":
        rest = rest.partition(end)[0]
    return rest.rpartition("@")[2].partition(":")[0].lower().removeprefix("www.") if slashes else ""


def kind_of_host(host: str) -> str:
    """Name the kind of a site.

    >>> [kind_of_host(host) for host in ("google.co.uk", "mail.google.com", "l.instagram.com", "blog.example")]
    ['search', 'mail', 'social', 'site']
    """
    known = HOSTS.get(host)
    return known or next((LABELS[label] for label in host.split(".") if label in LABELS), SITE)


def referrer_of(event: Event) -> str | None:
    """Name the kind of place that an event's page was reached from: what the campaign says, else the referrer's host.

    Args:
        event: the first of a visit.

    Returns:
        `search`, `social`, `mail`, `shopping`, `own`, `site` or `direct`; None where the event tells nothing of it.
    """
    landing, page = event.context, event.page
    if landing is not None and (landing.utm_source or landing.utm_medium):
        return _of_campaign((landing.utm_source or "").strip().lower(), (landing.utm_medium or "").strip().lower())
    if page is None:
        return None
    if not page.referrer:
        return DIRECT if landing is not None else None
    host = host_of(page.referrer)
    if host and host == host_of(page.url or ""):
        return OWN
    return kind_of_host(host)


def landed(before: Landing | None, event: Event) -> Landing | None:
    """Give the landing context of a visit after one more event: the first one stays, and is told where it came from.

    A tracker that knows better may say `referrer` itself.
    """
    if before is not None and any(value is not None for name, value in before.__dict__.items() if name != "referrer"):
        return before
    told = event.context
    referrer = (told.referrer if told else None) or (before.referrer if before else None) or referrer_of(event)
    if referrer is None or (told is not None and told.referrer == referrer):
        return told or before
    return Landing(referrer=referrer) if told is None else told.model_copy(update={"referrer": referrer})


def _of_campaign(source: str, medium: str) -> str:
    if medium in MEDIA:
        return MEDIA[medium]
    of_source = LABELS.get(source) or (kind_of_host(source) if "." in source else SITE)
    return SEARCH if of_source == SITE and medium in PAID else of_source
