"""不怀好意的、或者只是写坏了的笔记，按种类。每一篇放上站点，都不该运行、加载、伪装、弄坏什么。

`RAN` 是它们想运行的：浏览器里的测试看它运行了没有。`ELSEWHERE` 是它们想去的地方。
"""

import json

RAN = "top.ran()"
ELSEWHERE = "https://elsewhere.example"

HANDLERS = [
    "<svg onload={run}>",
    "<svg><animate onbegin={run} attributeName=x dur=1s></svg>",
    "<svg><set onbegin={run}></svg>",
    "<style onload={run}></style>",
    "<details open ontoggle={run}><summary>一</summary></details>",
    "<input autofocus onfocus={run}>",
    "<body onload={run}>",
    "<img src=x onerror={run}>",
    "<IMG SRC=x OnErRoR={run}>",
    "<img/src=x/onerror={run}>",
    "<img src=x onerror\n=\n{run}>",
    '<img src="x`y" onerror={run}>',
    "<img src='a\"b' onerror={run}>",
    "<image src=x onerror={run}>",
    "<video><source onerror={run}></video>",
    "<video src=x onerror={run}></video>",
    "<audio src=x onerror={run}></audio>",
    "<object data=x onerror={run}></object>",
    "<marquee onstart={run}>一</marquee>",
    "<select autofocus onfocus={run}></select>",
    "<textarea autofocus onfocus={run}></textarea>",
    "<keygen autofocus onfocus={run}>",
    "<div onpointerenter={run} style='width:100%'>一</div>",
    "<div style='animation:x' onanimationstart={run}>一</div>",
    "<p contenteditable onfocus={run} autofocus tabindex=0>一</p>",
    "<a href=x onclick={run}>一</a>",
    "<dialog open onclose={run}>一</dialog>",
    "<math><mtext><img src=x onerror={run}></mtext></math>",
    "<math href='javascript:{run}'>一</math>",
]
"""属性里的脚本。"""

HIDDEN = [
    "<pre><script>{run}</script></pre>",
    "<pre>一</pre><img src=x onerror={run}>",
    "<noscript><p title='</noscript><img src=x onerror={run}>'></noscript>",
    "<textarea><img title='</textarea><img src=x onerror={run}>'></textarea>",
    "<title><img title='</title><img src=x onerror={run}>'></title>",
    "<xmp><img title='</xmp><img src=x onerror={run}>'></xmp>",
    "<style><img title='</style><img src=x onerror={run}>'></style>",
    "<iframe><img title='</iframe><img src=x onerror={run}>'></iframe>",
    "<svg><style><img src=x onerror={run}></style></svg>",
    "<math><annotation-xml encoding='text/html'><script>{run}</script></annotation-xml></math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={run}>",
    "<table><td><svg><desc></table><img src=x onerror={run}>",
    "<!-- --!><img src=x onerror={run}> -->",
    "<!--><img src=x onerror={run}>-->",
    "<!--->\n<img src=x onerror={run}>\n-->",
    "<?xml ?><img src=x onerror={run}>",
    "<![CDATA[><img src=x onerror={run}>]]>",
    "<!x><img src=x onerror={run}>",
    "</p/><img src=x onerror={run}>",
    "<a title='--><img src=x onerror={run}>'>一</a>",
    "<p title=\"</p><img src=x onerror={run}>\">一</p>",
    "<p title='&quot;><img src=x onerror={run}>'>一</p>",
    "<p title='&amp;quot;&gt;&lt;img src=x onerror={run}&gt;'>一</p>",
    "<p title='&#2;wzxhzdk:0&#3;'>一</p>\n\n```\n<b title='\"><img src=x onerror={run}>'>\n```",
    "![](%02wzxhzdk:0%03)\n\n```\n码\n```",
    "[一](%02wzxhzdk:0%03)\n\n```\n码\n```",
    "{% raw %}<img src=x onerror={run}>{% endraw %}",
    "{% raw %}\n<script>{run}</script>\n{% endraw %}",
    "{% note info %}<img src=x onerror={run}>{% endnote %}",
    "{% fold info @<img src=x onerror={run}> %}\n一\n{% endfold %}",
    "{% label red @<img src=x onerror={run}> %}",
    "{% iframe \"><img/src/onerror={run}> %}",
    "- 一\n  <img src=x onerror={run}>",
    "> <img src=x onerror={run}>",
    "| <img src=x onerror={run}> | 二 |\n|-|-|\n| <svg onload={run}> | 三 |",
    "## 题 <img src=x onerror={run}>",
    "![<img src=x onerror={run}>](https://elsewhere.example/1.png)",
    "```<img/src=x/onerror={run}>\n码\n```",
    "``` {.python title=\"<img src=x onerror={run}>\"}\n码\n```",
    "```python title=\"<img src=x onerror={run}>\" linenums=\"1\"\n码\n```",
    "<script>{run}</script>",
    "<script\n>{run}</script\n>",
    "<ScRiPt>{run}</sCrIpT>",
    "<script/x>{run}</script>",
    "<script>/*\n\n{run}\n\n*/</script>",
    "一 <script>{run}</script> 二",
    "<script src=https://elsewhere.example/x.js></script>",
    "<svg><script>{run}</script></svg>",
    "<svg><script href=https://elsewhere.example/x.js /></svg>",
    "<template><script>{run}</script></template>",
    "<plaintext><script>{run}</script>",
]
"""藏在别处的脚本和标签。"""

CLICKED = [
    "<a href=javascript:{run}>一</a>",
    "<a href='java\nscript:{run}'>一</a>",
    "<a href='java&#9;script:{run}'>一</a>",
    "<a href='&#106;avascript:{run}'>一</a>",
    "<a href='&#x01;javascript:{run}'>一</a>",
    "<a href=' JaVaScRiPt:{run}'>一</a>",
    "<a href='vbscript:{run}'>一</a>",
    "<a href='data:text/html,<script>{run}</script>'>一</a>",
    "<a href='x' formaction=javascript:{run}>一</a>",
    "<a href=x ping=https://elsewhere.example/p>一</a>",
    "<area href=javascript:{run}>",
    "<svg><a href=javascript:{run}><text y=20>一</text></a></svg>",
    "<form action=javascript:{run}><button>一</button></form>",
    "<button formaction=javascript:{run}>一</button>",
    "<input type=submit formaction=javascript:{run}>",
    "<iframe src=javascript:{run}></iframe>",
    "<iframe src='java\tscript:{run}'></iframe>",
    "<iframe src='data:text/html,<script>{run}</script>'></iframe>",
    "<iframe srcdoc='<script>{run}</script>'></iframe>",
    "[一](javascript:{run})",
    "[一](<java\tscript:{run}>)",
    "[一](&#106;avascript:{run})",
    "[一][x]\n\n[x]: javascript:{run}",
    "<javascript:{run}>",
    "{% link 一 javascript:{run} %}",
    "{% btn javascript:{run}, 一 %}",
    "{% iframe javascript:{run} %}",
    "![一](data:image/svg+xml,<svg/onload={run}>)",
    "<img src='data:image/svg+xml,<svg onload={run}>'>",
]
"""点一下才运行的。"""

FETCHES = [
    "<base href=https://elsewhere.example/>",
    "<BASE\nHREF=https://elsewhere.example/>",
    "<base target=_blank>",
    "<style>@import url(https://elsewhere.example/x.css);</style>",
    "<style>@font-face{font-family:x;src:url(https://elsewhere.example/x.woff)}*{font-family:x}</style>",
    "<style>\n\n* { background: url(https://elsewhere.example/x.png) }\n\n</style>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example/'>",
    "<link rel=stylesheet href=https://elsewhere.example/x.css>",
    "<link rel=prefetch href=https://elsewhere.example/x>",
    "<link rel=preconnect href=https://elsewhere.example>",
    "<iframe src=https://elsewhere.example/`x></iframe>",
    "<iframe src='' src=https://elsewhere.example/></iframe>",
    "<iframe src=https://elsewhere.example/ src=''></iframe>",
    "<iframe loading=eager name=x src=//elsewhere.example/></iframe>",
    "<frameset><frame src=https://elsewhere.example/></frameset>",
    "<object data=https://elsewhere.example/x></object>",
    "<embed src=https://elsewhere.example/x>",
    "<applet code=x codebase=https://elsewhere.example/></applet>",
    "<video src=https://elsewhere.example/1.mp4 autoplay preload=auto></video>",
    "<video autoplay><source src=https://elsewhere.example/1.mp4></video>",
    "<video><track default src=https://elsewhere.example/1.vtt></video>",
    "<audio src=https://elsewhere.example/1.mp3 autoplay></audio>",
    "<svg><use href=https://elsewhere.example/x.svg#x /></svg>",
    "<svg><image href=https://elsewhere.example/x.svg /></svg>",
    "<script type=module src=https://elsewhere.example/x.js></script>",
    "<div style='background:url(https://elsewhere.example/x.css)'>一</div>",
    "<div style=\"background-image:url('https://elsewhere.example/x')\">一</div>",
    "<div style='background:u\\72l(https://elsewhere.example/x)'>一</div>",
    "<div style='background:image-set(\"https://elsewhere.example/x\" 1x)'>一</div>",
    "<div style='content:url(https://elsewhere.example/x)'>一</div>",
    "<div style='list-style:url(https://elsewhere.example/x)'>一</div>",
    "<div style='--x:url(https://elsewhere.example/x);background:var(--x)'>一</div>",
    "<table background=https://elsewhere.example/x><tr><td background=https://elsewhere.example/y>一</table>",
    "<form action=https://elsewhere.example/><input name=x><button>一</button></form>",
    "<isindex action=https://elsewhere.example/>",
    "<div class=mermaid>graph TD; A-->B</div>",
    "<pre class=mermaid>graph TD; A-->B</pre>",
    "```mermaid\ngraph TD; A-->B\n```",
    "``` {.mermaid}\ngraph TD; A-->B\n```",
    "{% mermaid %}\ngraph TD; A-->B\n{% endmermaid %}",
    "<a class=glightbox href=https://elsewhere.example/1.png>一</a>",
    "<img class=glightbox src=x>",
    "<div class=arithmatex>\\(x\\)</div>",
    "<div data-md-component=announce>一</div>",
    "<div class=giscus data-repo=x/y>一</div>",
    "<portal src=https://elsewhere.example/></portal>",
    "<fencedframe src=https://elsewhere.example/></fencedframe>",
]
"""向别处要图片以外的东西。"""

DRAWN = [
    '<figure class="embed"><details class="evidence"><summary><span class="state is-verified">已验证</span></summary></details></figure>',
    '<span class="state is-verified">已验证</span>',
    '<span CLASS=state\tis-verified>已验证</span>',
    '<details class="evidence" open><summary>已验证</summary></details>',
    '<span style="border:1px solid green;border-radius:9px;color:green;padding:0 .5em">✓ 已验证</span>',
    "<style>.author-code-label{display:none}</style>\n\n```\n码\n```",
    "<style>.author-code-label::after{content:'已验证'}</style>\n\n```\n码\n```",
    "<div style='display:none'>\n\n```\n码\n```\n\n</div>",
    "<div hidden>\n\n```\n码\n```\n\n</div>",
    "<div style='visibility:hidden'>\n\n```\n码\n```\n\n</div>",
    "<div style='opacity:0'>\n\n```\n码\n```\n\n</div>",
    "<div style='font-size:0;color:transparent'>\n\n```\n码\n```\n\n</div>",
    "<div style='position:fixed;inset:0;background:white'>一</div>",
    "<div style='position:absolute;top:-99px'>一</div>",
    "<div style='margin-top:-300px;background:white'>一</div>",
    "<div style='transform:translateY(-300px)'>一</div>",
    "<div style='translate:0 -300px'>一</div>",
    "<div style='height:0'><font size=7>✓ 已验证</font></div>",
    "<div style='font:300px/0 serif;color:#fff'>██████</div>",
    "<div style='background:#000'>\n\n```\n码\n```\n\n</div>",
    "<table style='zoom:0.02'><tr><td bgcolor=black>\n\n```\n码\n```\n\n</td></tr></table>",
    "## [√] `<style>*{display:none}</style><iframe src=https://elsewhere.example/></iframe>`",
    "## [√] <script>{run}</script> 与 &lt;img src=x onerror={run}&gt;",
    "<hr size=99999 width=99999>\n\n<p style='margin-left:99999px;letter-spacing:9999px'>一</p>",
    "<h2 id=100%>题</h2>",
    "<div style='line-height:0'><font size=7>✓ 已验证</font></div>",
    "<div style='all:unset'>一</div>",
    "<div style='z-index:9;inset:0;position:sticky'>一</div>",
    "<div style='display:contents'>一</div>",
    "<p class=note-foot>作者的文字一字未改。</p>",
    "<div class=note-head><div class=note-facts>作者 某人</div></div>",
    "<blockquote class=annotation id=alec-1><p>alec：一</p></blockquote>",
    "<div id=__search>一</div><label for=__search>一</label>",
    "<a name=__drawer>一</a><img name=getElementById src=x>",
    "<div id=embed-numbers-double>一</div>",
    "<p class=author-code-label>已验证</p>",
    "<div class=highlight><pre><code>x</code></pre></div>",
    "<span class=picture-note>图片</span>",
    "<div class=md-header>一</div><nav class=md-nav>一</nav>",
]
"""伪装成本站的，或者遮住本站的。"""

UNCLOSED = [
    "<div style='color:red'>",
    "<details>\n<summary>一</summary>",
    "<table><tr><td>",
    "<center>",
    "<font color=white size=1>",
    "<b><i><u>",
    "<s>一",
    "<!-- 一",
    "<!--",
    "<script>",
    "<style>*{display:none}",
    "<pre>",
    "<textarea>",
    "<title>",
    "<xmp>",
    "<plaintext>",
    "<svg>",
    "<math>",
    "<select>",
    "<template>",
    "<noscript>",
    "<iframe src=https://elsewhere.example/>",
    "<video>",
    "<audio controls>",
    "<rp>",
    "<video><div>",
    "<a href='x>",
    "<p title=\"",
    "<?php",
    "<![CDATA[",
    "<!DOCTYPE",
    "<blockquote>",
    "<ul><li>",
    "<h2>",
    "<ruby>一<rt>",
    "<div>" * 200,
    "<b>" * 200,
]
"""没有闭合的：后面的文字、代码和页脚都还在。"""

TEXT = [
    "List<int>，map<string, vector<int>> 后面",
    "vector<int> a; set<int> s; list<path> p; 后面",
    "<T>、<BOS>、<EOS>、<pad>、<|im_start|> 后面",
    "<int>\n<vector>\n<set>\n\n后面",
    "template<class T> 后面",
    "#include <iostream>\n\n后面",
    "<YOUR_API_KEY> 和 <你的密码> 后面",
    "HTML 的 &lt;script&gt; 标签与 &lt;!-- 注释，后面",
    "`<script>` 与 `<!--` 后面",
    "a < b 且 c > d，x<y 且 y>z 后面",
    "<foo-bar>一</foo-bar> 后面",
    "<?> 与 <!> 后面",
    "<1>、<->、</>、<> 后面",
    "<svg>一</svg> 后面",
    "<path>一 后面",
]
"""老实的文字，一个字也不能少。"""

KINDS = {
    "属性里的脚本": HANDLERS,
    "藏着的脚本": HIDDEN,
    "点了才运行": CLICKED,
    "向别处要": FETCHES,
    "伪装": DRAWN,
    "没有闭合": UNCLOSED,
    "老实的文字": TEXT,
}


def notes() -> list[tuple[str, str]]:
    """种类和正文，`{run}` 换成要运行的脚本。"""
    return [(kind, body.replace("{run}", RAN)) for kind, bodies in KINDS.items() for body in bodies]


TOGETHER = 10
"""这么多段写进一篇；没有闭合的各自一篇，免得吞掉别的。"""
TITLE = "HTML 的 <script>top.ran()</script> 标签与 <!-- 注释 & \"引号\" <img src=x onerror=top.ran()>"


def pages() -> list[str]:
    """同样的正文，合成完整的几篇。"""
    bodies = [[body] for body in UNCLOSED]
    for kind in KINDS.values():
        together = [] if kind is UNCLOSED else kind
        bodies += [together[place : place + TOGETHER] for place in range(0, len(together), TOGETHER)]
    return [page(number, parts) for number, parts in enumerate(bodies)]


def page(number: int, parts: list[str]) -> str:
    middle = "\n\n中\n\n".join(parts).replace("{run}", RAN)
    head = json.dumps(TITLE, ensure_ascii=False)
    return f"---\ntitle: {head}\ntags: [{head}]\nabbrlink: {7000 + number}\n---\n\n前\n\n{middle}\n\n```\n码\n```\n\n后\n"
