"""How addresses are joined, shown and compared."""

from __future__ import annotations

import pytest

from connections.sdk import urls


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://shop.example/api", "items", "https://shop.example/api/items"),
        ("https://shop.example/api", "/items/", "https://shop.example/api/items/"),
        ("https://shop.example/api", "", "https://shop.example/api"),
        ("https://shop.example/api", "/", "https://shop.example/api/"),
        ("https://shop.example/api", "?page=2", "https://shop.example/api?page=2"),
        ("https://shop.example/api", "https://shop.example/other", "https://shop.example/other"),
        ("https://shop.example/api", "//shop.example/other", "https://shop.example/other"),
    ],
)
def test_path_goes_below_the_base(base, path, url):
    assert urls.below(base, path) == url


def test_link_of_a_server_behind_a_tls_proxy_keeps_https():
    base = "https://shop.example/api"
    assert urls.below(base, "http://shop.example/items?page=2") == "https://shop.example/items?page=2"
    assert urls.below(base, "http://shop.example:8080/items") == "http://shop.example:8080/items"
    assert urls.below(base, "http://other.example/items") == "http://other.example/items"


@pytest.mark.parametrize(
    ("url", "target", "is_safe"),
    [
        ("http://a/x", "http://a:80/y", True),
        ("http://a:8069/x", "https://a/x", True),
        ("https://a/x", "https://A/y", True),
        ("https://a/x", "http://a/x", False),
        ("https://a/x", "https://a:8443/x", False),
        ("https://a/x", "https://a.evil/x", False),
        ("https://a/x", "", False),
    ],
)
def test_credentials_stay_with_the_server_they_are_for(url, target, is_safe):
    assert urls.keeps_credentials_safe(url, target) is is_safe


def test_shown_address_has_no_user_query_or_fragment():
    assert urls.without_query("https://u:p@a:81/x?key=1#f") == "https://a:81/x"
