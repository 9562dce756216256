"""What a link, a file or a visitor says is shown as it was said: none of it is Markdown to the
page.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import link
from app.text import JOINER, plain

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = {
    "picture": "![](http://host.example/p.png)",
    "link": "[Log in again](https://host.example)",
    "address": "https://host.example/a",
    "bare address": "www.host.example",
    "mail": "me@host.example",
    "formula": "$x^2$ and $$y$$",
    "colour": ":red[x] :blue-background[y] :small[z]",
    "emoji": ":smile:",
    "icon": ":material/info: :streamlit:",
    "html": "<b>x</b><img src=x onerror=alert(1)>",
    "marks": "**a** _b_ `c` ~~d~~ \\*e\\*",
    "block": "a\n\n# b\n\n- c\n\n> d",
    "table": "|a|b|\n|-|-|\n|1|2|",
    "arrows": "-> <- -- <->",
}
ALL = "![](http://h.ex) [a](//b.c) www.a.bc $x$ :red[y] :smile:"
"""Some of them in one, as long as a refusal tells it."""


def opened(page: str = "main.py", **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app" / page), default_timeout=300)
    for key, text in query.items():
        app.query_params[key] = text
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    """All that the page draws as Markdown."""
    return "\n".join(
        str(element.value)
        for kind in (app.warning, app.error, app.caption, app.markdown, app.info)
        for element in kind
    )


@pytest.mark.parametrize("said", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize(
    "key",
    [
        "dataset",
        "network",
        "lanes",
        "loss",
        "lane1.population_size",
        "network.hidden",
        "dataset.points",
        "budget.amount",
        "seed",
        "KEY",
    ],
)
def test_what_a_link_says_is_told_as_it_is(key: str, said: str) -> None:
    found = link.read_link({said: "1"} if key == "KEY" else {"lanes": "annealing", key: said})[1]
    assert found is not None
    assert plain(repr(said)[1:-1]) in found or plain(said) in found


@pytest.mark.parametrize(
    "query",
    [
        {"dataset": ALL},
        {"dataset": "landscape", "dataset.function": ALL},
        {"dataset": "landscape", "dataset.formula": ALL},
    ],
)
def test_the_page_draws_it_as_it_is(query: dict[str, str]) -> None:
    app = opened(**query)
    assert len(app.warning) == 1
    assert plain(ALL)[:40] in words(app)
    assert ALL[:12] not in words(app)


def test_a_formula_that_was_typed_is_told_as_it_is() -> None:
    app = opened(**{"dataset": "landscape", "dataset.function": "formula", "dataset.formula": "x"})
    app.text_input[0].set_value(f"x + {ALL}").run()
    assert not app.exception
    assert ALL[:12] not in words(app)


@pytest.mark.parametrize("said", HOSTILE.values(), ids=list(HOSTILE))
def test_only_what_cannot_be_seen_is_added(said: str) -> None:
    told = plain(said).replace(JOINER, "")
    read = "".join(
        sign
        for i, sign in enumerate(told)
        if sign != "\\"
        or (i and told[i - 1] == "\\" and (len(told[:i]) - len(told[:i].rstrip("\\"))) % 2)
    )
    assert read == " ".join(said.split())


def test_signs_are_escaped_and_what_streamlit_looks_for_afterwards_is_cut() -> None:
    assert (
        plain("*a* [b](javascript:x) $y$ <b>")
        == rf"\*a\* \[b\]\(javascript\:{JOINER}x\) \$y\$ \<b\>"
    )
    assert JOINER in plain("www.host.example").split(".")[0]
    assert plain("me@x") == f"me{JOINER}@x"
    assert "\n" not in plain("a\n# b")
    assert plain("12.5 % of x, y: z") == r"12\.5 % of x, y\: z"
