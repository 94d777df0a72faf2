/* Puts the report on a block under the line of its evidence when that is opened. The report stands on
   a page of its own, where a link under the line leads without scripts. */

const pages = new Map()

function pageAt(address) {
  if (!pages.has(address)) {
    const coming = fetch(address)
      .then(answer => answer.ok ? answer.text() : Promise.reject(answer.status))
      .then(text => new DOMParser().parseFromString(text, "text/html"))
    coming.catch(() => pages.delete(address))
    pages.set(address, coming)
  }
  return pages.get(address)
}

/* Links that are relative to the page it stands on. */
function resolve(report, address) {
  for (const link of report.querySelectorAll("a[href]")) {
    link.href = new URL(link.getAttribute("href"), address)
  }
}

document.addEventListener("toggle", async ({target: details}) => {
  const link = details.open && details.matches(".evidence") && details.querySelector(".to-report")
  if (!link) return
  const address = new URL(link.href)
  const id = decodeURIComponent(address.hash.slice(1))
  address.hash = ""
  const page = await pageAt(address.href).catch(() => null)
  const report = page?.getElementById(id)
  if (!link.isConnected || report?.dataset.key !== details.dataset.key) return
  resolve(report, address)
  report.querySelector("h2").remove()
  link.parentNode.replaceWith(...report.children)
}, true)
