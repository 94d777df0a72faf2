"""实证笔记的工具。它只读 snippets/ 的文本，从不导入它们。每个文件做一件事，开头写着是什么：

- 笔记怎样变成页面：syntax（formulas、hexo）解析，commonmark（code、rawhtml）做成元素，
  公式由 latex、equations、mathml 变成 MathML（字体由 font 做），
  annotations、marks、pictures、links、frame、search、feed、unverified 各是一个 Markdown 扩展；
- 在 MkDocs 里快些：faster 是一个插件，用 ahead、helper、sections；
- 由笔记生成的页：library 读全部笔记，catalog 分到各页，pages（slugs）写页面文件，
  listings、said 填内容；
- 嵌入的代码和证据：regions、embeds 显示，keys、lines、record、refuse、evidence 记录，
  judge、badges、overview 判定与显示，mutate 证明测试会失败；
- 嵌入的图：measured 读测量的结果、判定过期没有，plot 画，figures 显示；
- 命令行：__main__、chinese；kb add 是 add、sources、originals、abbrlink、merge、brought、places、
  files，kb list 是 contents，kb check 是 check、addresses、dead、remote；
- 各处都用：notes（笔记的字节）、engine（MkDocs 或 Zensical）、html。
"""
