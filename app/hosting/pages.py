"""Small pages of plain HTML, for where Streamlit's page is not shown: they need no script and no
other file.
"""

from __future__ import annotations

import html
from pathlib import Path

from app.text import t

ICON = (Path(__file__).resolve().parents[2] / "assets" / "icon.svg").read_text("utf-8")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ --paper: #fbfaf7; --card: #fff; --ink: #1a1a1a; --soft: #5c564e; --line: #8d867b;
  --rule: #e5e0d8; --hot: #c4451f; --bad: #a52a10; }}
@media (prefers-color-scheme: dark) {{ :root {{ --paper: #161412; --card: #211e1b; --ink: #f2ede6;
  --soft: #b5ada2; --line: #8d867b; --rule: #3a352f; --hot: #cf4a22; --bad: #ff9b7d; }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; min-height: 100vh; display: flex; justify-content: center;
  align-items: {align}; padding: 24px 16px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans",
  sans-serif; }}
main {{ width: 100%; max-width: {width}; }}
header {{ display: flex; align-items: center; gap: 12px; margin-bottom: 16px; }}
header svg {{ width: 40px; height: 40px; flex: none; }}
h1 {{ font-size: 22px; line-height: 1.25; margin: 0; }}
h2 {{ font-size: 16px; margin: 24px 0 4px; }}
p {{ margin: 0 0 16px; overflow-wrap: anywhere; }}
label {{ display: block; font-weight: 600; margin-bottom: 4px; }}
input, button {{ font: inherit; width: 100%; padding: 10px 12px; border-radius: 8px; }}
input {{ color: var(--ink); background: var(--card); border: 1px solid var(--line);
  margin-bottom: 12px; }}
button {{ border: 0; color: #fff; background: var(--hot); font-weight: 600; cursor: pointer; }}
:focus-visible {{ outline: 3px solid var(--hot); outline-offset: 2px; }}
[role=alert] {{ color: var(--bad); font-weight: 600; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ text-align: left; padding: 6px 0; border-bottom: 1px solid var(--rule);
  font-weight: 400; vertical-align: top; }}
th {{ color: var(--soft); padding-right: 16px; }}
table + form {{ margin-top: 24px; }}
td {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }}
</style>
</head>
<body>
<main>
<header>{icon}<h1>{title}</h1></header>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str, wide: bool = False) -> str:
    """Return a page.

    Args:
        title: its title, as text.
        body: HTML.
        wide: whether it holds tables, which begin at the top.
    """
    return _PAGE.format(
        title=html.escape(title),
        body=body,
        icon=ICON.replace('role="img" aria-label="Kelvin"', 'aria-hidden="true"'),
        width="640px" if wide else "400px",
        align="flex-start" if wide else "center",
    )


def refusal(sentence: str) -> str:
    """Return the page of a refusal."""
    return page(t("hosting.refused"), f"<p>{html.escape(sentence)}</p>")


def login(action: str, target: str, sentence: str = "") -> str:
    """Return the page that asks for the password.

    Args:
        action: where the form is sent, relative to the page.
        target: where a visitor wanted to go, relative to that.
        sentence: why the last try did not succeed.
    """
    said = f'<p role="alert" id="said">{html.escape(sentence)}</p>' if sentence else ""
    wrong = ' aria-invalid="true" aria-describedby="said"' if sentence else ""
    # The hidden name is for managers of passwords, which look for one beside it.
    return page(
        t("hosting.login"),
        f"<p>{html.escape(t('hosting.login-why'))}</p>{said}"
        f'<form method="post" action="{html.escape(action)}">'
        f'<input type="hidden" name="next" value="{html.escape(target)}">'
        f'<input type="text" name="username" value="kelvin" autocomplete="username" hidden>'
        f'<label for="password">{html.escape(t("hosting.password"))}</label>'
        f'<input type="password" id="password" name="password" required autofocus '
        f'autocomplete="current-password" maxlength="200"{wrong}>'
        f"<button>{html.escape(t('hosting.enter'))}</button></form>",
    )
