"""A picture of each product, drawn from a few shapes; nothing a shop wrote gets into one."""

from functools import cache
from pathlib import Path
from string import Template

from schemas.products import Product
from streams.demo.storefront.kinds import ANYTHING, shape_of
from streams.demo.storefront.palette import Palette, drawn, palette_of

FOLDER = Path(__file__).parent / "shapes"

SCENES = (
    '<circle cx="100" cy="98" r="72" fill="$shade"/>',
    '<path d="M34 160V96a66 66 0 0 1 132 0v64z" fill="$shade"/>',
    '<path d="M0 150q50-26 104-10t96-14v74H0z" fill="$shade"/>',
    '<path d="M0 138h200v62H0z" fill="$shade"/>',
    '<path d="M148 24a26 26 0 1 1 0 .1z" fill="$shade"/><path d="M0 146h200v54H0z" fill="$shade"/>',
)
_SHADOW = '<ellipse cx="100" cy="161" rx="66" ry="7" fill="$ink" opacity=".12"/>'


def picture_of(product: Product) -> str:
    """Draw a product: the same one always looks the same.

    Returns:
        an SVG file, 200 by 200.
    """
    colour = product.attributes.get("colour")
    words = colour if isinstance(colour, str) else product.title
    return _svg(shape_of(product.title, product.category), palette_of(words, product.item), product.product_id)


def picture_of_nothing() -> str:
    """Draw what stands for a product that is gone."""
    return _svg(ANYTHING, palette_of("slate", ""), "")


def _svg(shape: str, palette: Palette, key: str) -> str:
    scene = drawn(SCENES, key, "scene")
    body = f'<path d="M0 0h200v200H0z" fill="$backdrop"/>{scene}{_SHADOW}{_drawing(shape)}'
    colours = Template(body).substitute(palette._asdict())
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" width="400" height="400">{colours}</svg>'


@cache
def _drawing(shape: str) -> str:
    return (FOLDER / f"{shape}.svg").read_text()
