"""Pages in a real Chromium, driven over the DevTools protocol: no driver package is needed.

async with browsing() as browser:
    page = await browser.open("http://127.0.0.1:6066/", width=360)
    assert await page.evaluate("document.title") == "answerloop"
    assert page.errors == []
"""

from tests.browser.chromium import Browser, browsing
from tests.browser.page import Page

__all__ = ["Browser", "Page", "browsing"]
