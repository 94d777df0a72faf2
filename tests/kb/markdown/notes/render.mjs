// 给开发者：用真的 Hexo 把 *.md 渲染成旁边的 *.html，测试拿它们作对照。测试本身不需要 npm。
//
//   mkdir 某处; cd 某处
//   npm init -y; npm i hexo@6 hexo-renderer-marked@6 hexo-theme-fluid@1
//   node …/tests/kb/notes/render.mjs 某处 [结果写到的文件夹]
//
// 与作者的博客有意不同的几处，都为了让对照只说 Markdown 的事：
// - 公式：marked 会改公式里的 _ 和 \\，所以先换成 $M0$，渲染之后放回 <span class="formula">。
// - 标签：Hexo 和 Fluid 认得的照样由它们渲染；不认得的、代码里的 {% {{ {# 当作文字，Hexo 遇到它们会出错或丢掉文字。
// - 围栏里的代码由 marked 处理，不用 Hexo 的高亮：它的正则表达式在渲染之前去掉代码的缩进。
// - 不换引号和破折号（smartypants），不加标题的锚点，不给图片的地址加根目录。
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [packages, out = here] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(packages, "x.js"));
const version = (name) => `${name} ${JSON.parse(readFileSync(join(packages, "node_modules", name, "package.json"))).version}`;
const made = ["hexo", "hexo-renderer-marked", "marked", "hexo-theme-fluid"].map(version).join(", ");

// 先到先得：代码里没有公式，公式里没有代码。围栏不闭合就到底；公式可以跨行，行内的不跨段落。
const PIECES = new RegExp(
  [
    /(?<fence>^(?:[ \t]|>|[-*+] |\d+[.)] )*(?<ticks>`{3,}|~{3,})(?![^\n]*`)[^\n]*(?:\n(?:[\s\S]*?\n)??(?:[ \t]|>)*\k<ticks>[`~]*[ \t]*$|[\s\S]*$(?![\s\S])))/,
    /(?<code>(?<![`\\])(?<tick>`+)(?!`)(?:(?!\n[ \t>]*\n)[\s\S])+?(?<!`)\k<tick>(?!`))/,
    /(?<escape>\\[\s\S])/,
    /(?<display>\$\$(?!\$)[\s\S]+?\$\$)/,
    /(?<inline>\$(?: \S(?:\\.|[^\\$\n])*? |(?![\s$])(?:\\.|(?!\n[ \t>]*\n)[^\\$])*?(?<!\s))\$(?![\d$]))/,
  ].map((piece) => piece.source).join("|"),
  "gm",
);
const BRACES = { "{{": "\ue000", "{%": "\ue001", "{#": "\ue002", "#}": "\ue003" };

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
const hide = (text) => text.replace(/\{[{%#]|#\}/g, (brace) => BRACES[brace]);
const show = (text) => Object.entries(BRACES).reduce((shown, [brace, hidden]) => shown.replaceAll(hidden, brace), text);

/** 正文里的公式换成 $M0$，代码里的和不认得的标签藏起来。 */
function protect(body, tags) {
  const formulas = [];
  const text = body.replace(PIECES, (piece, ...rest) => {
    const { fence, code, escape: escaped, display } = rest.at(-1);
    if (escaped) return piece;
    if (fence !== undefined || code) return hide(piece);
    const [, before] = /([^\n]*)$/.exec(body.slice(0, rest.at(-3)));
    const quoted = /^[ \t]*(>[ \t]*)+/.test(before);
    const source = quoted ? piece.replace(/\n[ \t]*(>[ \t]?)+/g, "\n") : piece;
    formulas.push({ source, display: display ? " display" : "" });
    return `$M${formulas.length - 1}$`;
  });
  const known = text.replace(/\{[{#]|#\}|\{%(?!\s*(?:end)?(\w+)[^%\n]*%\})/g, hide)
    .replace(/\{%\s*(?:end)?(\w+)/g, (tag, name) => (tags.has(name) ? tag : hide(tag)));
  return { text: known, formulas };
}

/** 公式放回去；在代码里、标签的属性里，就是原来的文字。 */
const restore = (html, formulas) =>
  show(html)
    .replace(/<(pre|code)\b[\s\S]*?<\/\1>|<[^<>]*>/g, (piece) => piece.replace(/\$M(\d+)\$/g, (_, number) => escape(formulas[number].source)))
    .replace(/\$M(\d+)\$/g, (_, number) => `<span class="formula${formulas[number].display}">${escape(formulas[number].source)}</span>`);

const base = mkdtempSync(join(tmpdir(), "hexo-"));
process.on("exit", () => rmSync(base, { recursive: true, force: true }));
mkdirSync(join(base, "source/_posts"), { recursive: true });
const names = readdirSync(here).filter((name) => name.endsWith(".md")).sort();
for (const name of names) {
  cpSync(join(here, name), join(base, "source/_posts", name));
  for (const [, asset] of readFileSync(join(here, name), "utf8").matchAll(/\{% asset_\w+ "?([\w.]+)/g)) {
    mkdirSync(join(base, "source/_posts", name.slice(0, -3)), { recursive: true });
    writeFileSync(join(base, "source/_posts", name.slice(0, -3), asset), "");
  }
}
writeFileSync(join(base, "package.json"), '{"hexo": {"version": ""}}'); // 没有它，Hexo 不读设置
writeFileSync(
  join(base, "_config.yml"),
  `url: https://alec-97.github.io
permalink: posts/:abbrlink/
syntax_highlighter:
highlight: {enable: false}
prismjs: {enable: false}
post_asset_folder: true
marked: {smartypants: false, headerIds: false, mangle: false, prependRoot: false}
`,
);

const Hexo = require("hexo");
const hexo = new Hexo(base, { silent: true });
await hexo.init();
await hexo.loadPlugin(require.resolve("hexo-renderer-marked"));
for (const tag of ["button", "checkbox", "fold", "label", "note"])
  await hexo.loadPlugin(join(packages, "node_modules/hexo-theme-fluid/scripts/tags", `${tag}.js`));
await hexo.source.process();
hexo.theme.config = { post: { updated: { note_class: "info" } } }; // Fluid 默认的
const tags = new Set(["raw", ...Object.keys(hexo.extend.tag.env?.extensions ?? {})]);

const { split } = require("hexo-front-matter");
for (const name of names) {
  const source = readFileSync(join(here, name), "utf8").replace(/^\ufeff/, "").replace(/\r\n?/g, "\n");
  const { text, formulas } = protect(split(source).content, tags);
  const post = hexo.model("Post").findOne({ source: `_posts/${name}` });
  const { content } = await hexo.post.render(null, { ...post.toObject(), content: text, engine: "md" });
  writeFileSync(join(out, name.replace(/md$/, "html")), `<!-- ${made} -->\n${restore(content, formulas).trim()}\n`);
}
await hexo.exit();
