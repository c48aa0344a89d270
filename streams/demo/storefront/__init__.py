"""The demo's shop: pages a browser can walk through, with shelves where shops have them."""
