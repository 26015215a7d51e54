"""What a page says, without its markup."""

import html as htmllib
import json
import re
from typing import Any


def plain(html: str) -> str:
    return " ".join(htmllib.unescape(re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ").split())


def tile(page: str, name: str) -> str:
    return plain(page.split(f'id="tile-{name}"')[1].split("</dl>", maxsplit=1)[0].partition(">")[2])


def rows(page: str, name: str) -> list[list[str]]:
    table = page.split(f'id="table-{name}"')[1].split("</section>", maxsplit=1)[0]
    return [[plain(cell) for cell in re.findall(r"<t[hd][ >].*?</t[hd]>", row)] for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)][1:]  # fmt: skip


def figures(page: str) -> list[dict[str, Any]]:
    found = re.findall(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    return [one for one in map(json.loads, found) if "layout" in one]
