/* Draws the diagrams that are written as mermaid, when they come near. Nothing is loaded on a page
   without one; what isn't drawn, without scripts or with a mistake in it, stays as its source.

   `javascripts/mermaid` is mermaid 11.17.2 from npm (MIT), the pieces of its `mermaid.esm.min.mjs`
   without their source maps: a flow chart loads 234 kB of them (gzip), all in one file would be 976 kB.
   Drawing while a site is built would need a browser or another server. */

const MERMAID = "./javascripts/mermaid/mermaid.esm.min.mjs"

const isDark = () => document.body.getAttribute("data-md-color-scheme") === "slate"
const near = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) if (isIntersecting) {
    near.unobserve(target)
    show(target)
  }
}, {rootMargin: "600px"})

let last = Promise.resolve()
let number = 0

function show(diagram) {
  last = last.then(() => draw(diagram)).catch(() => diagram.classList.add("is-undrawn"))
}

async function draw(diagram) {
  const {default: mermaid} = await import(MERMAID)
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: "strict",
    suppressErrorRendering: true,
    theme: isDark() ? "dark" : "default",
    fontFamily: getComputedStyle(diagram).fontFamily
  })
  const source = diagram.querySelector("code").textContent
  const {svg} = await mermaid.render(`drawing-${++number}`, source)
  if (!diagram.classList.contains("is-drawn")) {
    const drawing = Object.assign(document.createElement("div"), {className: "drawing", tabIndex: 0})
    drawing.setAttribute("role", "group")
    drawing.setAttribute("aria-label", "图，可以左右滚动")
    const details = document.createElement("details")
    details.append(Object.assign(document.createElement("summary"), {textContent: "图的源码"}))
    details.append(...diagram.childNodes)
    diagram.append(drawing, details)
    diagram.classList.add("is-drawn")
  }
  diagram.querySelector(".drawing").innerHTML = svg
}

for (const diagram of document.querySelectorAll(".diagram")) near.observe(diagram)

new MutationObserver(() => {
  for (const diagram of document.querySelectorAll(".diagram.is-drawn")) show(diagram)
}).observe(document.body, {attributeFilter: ["data-md-color-scheme"]})
