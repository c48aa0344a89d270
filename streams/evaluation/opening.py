"""The shop an evaluation begins with: every product of the log, as last described, and no event yet."""

from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

from models.content import Content
from models.knowledge import Knowledge
from models.model import Model
from schemas.products import Product
from streams.evaluation.plan import Plan
from streams.runs.display import Watch
from streams.runs.shelf import products_of
from streams.settings import Settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def opened_shop(plan: Plan, watch: Watch) -> Knowledge:
    """Build the catalogue of a log, and its vectors where products have words.

    Args:
        plan: the evaluation.
        watch: told how many products are in.
    """
    from streams.adapters.opening import index_opener

    settings = Settings()
    content = Content(index_opener(settings))
    knowledge = Knowledge(content=content, model=Model(plan.constants.model), judging=plan.judging)
    found = {product.product_id: product for file in plan.files for product in products_of(file)}
    # By id: what only the test part names would be the newest otherwise, and the source `new` would tell it.
    products = [product for _, product in sorted(found.items())]
    watch.stage("products", len(products))
    for product in products:
        knowledge.put_product(product)
    worded = [product for product in products if has_words(product)]
    if plan.content and worded:
        _embed(knowledge, worded, settings, watch)
    return knowledge


def has_words(product: Product) -> bool:
    """Say whether there is more to embed than the product's number."""
    return product.title != product.product_id or bool(product.category or product.brand or product.description)


def _embed(knowledge: Knowledge, products: Iterable[Product], settings: Settings, watch: Watch) -> None:
    from streams.adapters.minilm import SentenceTransformerEmbedder
    from streams.adapters.vector_cache import open_cache
    from streams.embedding import embed_products

    done = 0

    def progress(count: int) -> None:
        nonlocal done
        done += count
        watch.reached(done)

    embedder = SentenceTransformerEmbedder(settings.embedding_model)
    category_of = knowledge.catalogue.category_of
    with closing(open_cache(settings)) as cache:
        for one in embed_products(list(products), embedder, cache, at=EPOCH, progress=progress):
            knowledge.content.put(one.product_id, one.array(), category_of(one.product_id), model=one.model)
