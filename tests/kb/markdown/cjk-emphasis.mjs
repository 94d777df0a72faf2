// 给开发者：标点旁边的强调，三种解析器各做成什么，写进旁边的 cjk-emphasis.json。测试本身不需要 npm。
//
//   mkdir 某处; cd 某处
//   npm init -y; npm i marked@4.3.0 markdown-it@15.0.3 markdown-it-cjk-friendly@3.0.0
//   node …/tests/kb/cjk-emphasis.mjs 某处
//
// marked 4 是作者的博客用的；commonmark 是规范（markdown-it）；cjk_friendly 是规范加上
// https://github.com/tats-u/markdown-cjk-friendly 的修订。"650" 一组是 commonmark-spec 第 650 号讨论里的 25 行。
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const packages = resolve(process.argv[2]);
const require = createRequire(join(packages, "x.js"));
const { marked } = require("marked");
const load = (name) => require(name).default ?? require(name);
const commonmark = load("markdown-it")({ html: true });
const friendly = load("markdown-it")({ html: true }).use(load("markdown-it-cjk-friendly"));

const FULL = [..."，。、；：？！“”‘’（）【】《》—～…·〃々「」『』〈〉〔〕％＃＆＊＋－＝＠＿｜／￥　"];
const ASCII = [...".,:;!?\"'()[]-+=/%#@&$^|~<>{}"];
const OTHER = [..."№①㋐㊙℃×√→°±αÅ가あ々𠮷😀♥", "⚠️", "👨‍👩‍👧", "&nbsp;", "&copy;", "\\*", "\\。"];
const EDGES = ["`x`", "[x](y)", "![x](y)", "<b>x</b>", "<https://x.cn>", "*x*", "~~x~~", "$x$"];
const PAIRS = ["“”", "‘’", "（）", "【】", "《》", "「」", "『』", "——", "……", "()", "[]", '""', "''", "<>", "{}"].map((pair) => [
  pair.slice(0, pair.length / 2),
  pair.slice(pair.length / 2),
]);

const rows = { 650: [], 收尾: [], 开头: [], 外面: [], 成对: [], 边上: [], 拉丁字母: [], 下划线: [], 嵌套: [], 空白: [] };
for (const mark of ["，", "。", "、", "；", "：", "？", "！", "“", "”", "‘", "’", "（", "）", "【", "】", "《", "》", "—", "～", "…", "·", "〃", "-", "々", ""])
  rows[650].push(`**真${mark}**她`);
for (const mark of [...FULL, ...ASCII, ...OTHER]) {
  rows.收尾.push(`前**粗${mark}**后`);
  rows.开头.push(`前**${mark}粗**后`);
  rows.外面.push(`前${mark}**粗**${mark}后`);
}
for (const [open, close] of PAIRS)
  for (const stars of ["*", "**", "***"]) rows.成对.push(`前${stars}${open}粗${close}${stars}后`, `${stars}${open}粗${close}${stars}后`, `${open}${stars}粗${stars}${close}后`);
for (const edge of EDGES)
  rows.边上.push(`前**${edge}**后`, `**${edge}**后`, `前**${edge}**`, `**${edge}**：后`, `**${edge}：**后`, `，**${edge}**，`, `前**粗${edge}**后`, `前**${edge}粗**后`, `*${edge}*：后`);
for (const mark of ["，", "。", "）", "”", ",", ".", ")", '"', "%", "：", ":"])
  rows.拉丁字母.push(`a**x${mark}**b`, `前**x${mark}**b`, `a**x${mark}**后`, `a **x${mark}** b`, `a **x${mark}**b`, `a**${mark}x** b`);
for (const mark of ["，", "。", "）", ":", ")", ""])
  rows.下划线.push(`前_斜${mark}_后`, `前__粗${mark}__后`, `前 __粗${mark}__ 后`, `，__粗${mark}__，`, `_${mark}斜_后`, `（_斜${mark}_）`);
for (const mark of ["，", "。", "”", "）", ".", ""])
  rows.嵌套.push(`**粗*斜${mark}*粗**`, `*斜**粗${mark}**斜*`, `前***粗斜${mark}***后`, `**一${mark}**二**三${mark}**四`, `*一${mark}*二**三${mark}**四`, `**一${mark}二**三`);
rows.空白.push("** 粗**后", "**粗 **后", "**　粗**后", "**粗　**后", "前 **粗，** 后", "前 **粗，**后", "前**粗，** 后", "前**，**后", "前****后", "2*3*4", "2 * 3 * 4", "a*b*c", "**", "前**后", "**前", "后**");

const made = ["marked", "markdown-it", "markdown-it-cjk-friendly"]
  .map((name) => `${name} ${JSON.parse(readFileSync(join(packages, "node_modules", name, "package.json"))).version}`);
const lines = Object.entries(rows).flatMap(([group, texts]) =>
  [...new Set(texts)].map((markdown) =>
    JSON.stringify({
      group,
      markdown,
      marked: marked.parse(markdown, { breaks: true, mangle: false, headerIds: false }).trim(),
      commonmark: commonmark.render(markdown).trim(),
      cjk_friendly: friendly.render(markdown).trim(),
    }),
  ),
);
const json = `{"made": ${JSON.stringify(made.join(", "))}, "rows": [\n${lines.join(",\n")}\n]}\n`;
writeFileSync(new URL("cjk-emphasis.json", import.meta.url), json);
