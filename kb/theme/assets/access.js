/* What scrolls sideways can be focused, and the keyboard scrolls it; the theme makes tables so when the
   page is there, and puts a landmark around each button that copies code. */

const NAMES = {"md-typeset__scrollwrap": "表格", "is-display": "公式"}
const SCROLLS = Object.keys(NAMES).map(name => `.${name}`).join()

const resized = new ResizeObserver(entries => entries.forEach(({target}) => {
  const name = NAMES[[...target.classList].find(each => each in NAMES)]
  const scrolls = target.scrollWidth > target.clientWidth
  const wanted = {tabindex: 0, role: "group", "aria-label": `${name}，可以左右滚动`}
  for (const [attribute, value] of Object.entries(wanted))
    scrolls ? target.setAttribute(attribute, value) : target.removeAttribute(attribute)
}))

const look = element => {
  for (const each of [element, ...element.querySelectorAll(`${SCROLLS}, .md-code__nav`)]) {
    if (each.matches(SCROLLS)) resized.observe(each)
    if (each.matches(".md-code__nav")) each.setAttribute("role", "none")
  }
}

new MutationObserver(records => records.forEach(({addedNodes}) =>
  addedNodes.forEach(node => node.nodeType === Node.ELEMENT_NODE && look(node))
)).observe(document.querySelector("article"), {childList: true, subtree: true})
look(document.querySelector("article"))
