"""Reports as pages: one HTML file that asks nobody for anything, with plots drawn into it."""

from streams.pages.page import Page

__all__ = ["Page"]
