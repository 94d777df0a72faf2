/* Search in a dialog: a button in the header, one on the page of an address that leads nowhere, `/`,
   `s` and `f` open it, Esc closes it, arrows go through the results, `?q=`
   in an address opens it with a query. Nothing else is fetched before it is open; then come `finding.js`,
   which finds, and `excerpt.js`, which says what of a note is shown. */

const dialog = document.querySelector("dialog.search")
const field = dialog.querySelector(".search-field")
const state = dialog.querySelector(".search-state")
const list = dialog.querySelector(".search-results")
const more = dialog.querySelector(".search-more")
const SITE = new URL("../", import.meta.url)
const GONE = "gone to a result"
const HINT = "几个词用空格隔开；“-词”是不要的；引号里的要连在一起。"

let head = null
let finder = null
let excerpt = null
let mark = null
let results = null
let asked = null
let turn = 0

const read = async name => {
  if (name === "index.json" && head) return head
  const {version} = name === "index.json" ? {} : await finder.fetch("index.json")
  const answer = await fetch(new URL(`search/${name}${version ? `?${version}` : ""}`, SITE), version ? {} : {cache: "no-cache"})
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`)
  return answer.json()
}

const load = async () => {
  head ??= read("index.json")
  head.catch(() => { head = null })
  const parts = ["finding", "excerpt", "matching", "words"]  // the last two for the first, asked for at once
  const [finding, excerpts] = await Promise.all(parts.map(name => import(`./${name}.js`)))
  ;({excerpt, mark} = excerpts)
  finder ??= new finding.Finder(read)
  await finder.open()
  return finder
}

const open = query => {
  if (dialog.open) return
  dialog.showModal()
  if (query !== undefined) field.value = query
  field.select()
  search()
  load().catch(failed)
}

const failed = () => {
  asked = null
  state.textContent = "索引没有取到：看看网络，再试一次。"
}

const search = async () => {
  const query = field.value.trim()
  if (query === asked) return
  asked = query
  const mine = ++turn
  remember(query)
  if (!query) {
    list.replaceChildren()
    more.hidden = true
    state.textContent = HINT
    return
  }
  if (!finder?.head) state.textContent = "正在找……"
  try {
    const found = await (await load()).find(query)
    const first = await found.next()
    if (mine !== turn) return
    results = found
    list.replaceChildren(...first.map(show))
    list.parentNode.scrollTop = 0
    tell(first.length)
  } catch {
    if (mine === turn) failed()
  }
}

const tell = shown => {
  more.hidden = !results.rest.length
  state.textContent = !shown ? "没有找到。"
    : results.isWhole ? `找到 ${results.count} 篇`
    : "没有一篇有全部这些字，下面的有一部分，或者相近："
}

const showMore = async () => {
  const mine = turn
  const next = await results.next()
  if (mine !== turn) return
  const items = next.map(show)
  list.append(...items)
  items[0]?.firstChild.focus()
  tell(list.children.length)
}

const show = result => {
  const item = document.createElement("li")
  const link = document.createElement("a")
  const piece = excerpt(result)
  link.href = new URL(result.address, SITE) + piece.fragment
  link.append(line("search-title", result.title, result.found))
  if (result.heading) link.append(line("search-heading", result.heading, result.found))
  if (piece.text) link.append(line("search-text", piece.text, result.found))
  item.append(link)
  return item
}

const line = (name, text, found) => {
  const element = document.createElement("span")
  element.className = name
  for (const [part, isMatch] of mark(text, found)) {
    if (!isMatch) element.append(part)
    else element.appendChild(document.createElement("mark")).append(part)
  }
  return element
}

/* The address says what was asked, so that a reader who comes back finds the results again. */
const remember = query => {
  const address = new URL(location)
  if (query) address.searchParams.set("q", query)
  else address.searchParams.delete("q")
  if (address.href !== location.href) history.replaceState(history.state, "", address)
}

const isTyping = ({isContentEditable, localName}) => isContentEditable || ["input", "textarea", "select"].includes(localName)

const step = (event, links) => {
  const place = links.indexOf(document.activeElement)
  if (event.key === "ArrowDown") (links[place + 1] ?? links.at(-1))?.focus()
  else if (event.key === "ArrowUp") (place > 0 ? links[place - 1] : field).focus()
  else if (event.key === "Enter" && place < 0 && document.activeElement === field) links[0]?.click()
  else return
  event.preventDefault()
}

document.querySelectorAll(".search-open, [data-opens-search]").forEach(each => each.addEventListener("click", () => open()))

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
  if (dialog.open) {
    if (dialog.contains(event.target)) step(event, [...list.querySelectorAll("a")])
  } else if ("/sf".includes(event.key) && !isTyping(event.target) && !document.querySelector("dialog[open]")) {
    event.preventDefault()
    open()
  }
})

field.addEventListener("input", event => event.isComposing || search())
field.addEventListener("compositionend", search)
more.addEventListener("click", showMore)
dialog.addEventListener("click", ({target, ctrlKey, metaKey, shiftKey}) => {
  if (target === dialog) dialog.close("left")
  else if (target.closest(".search-results a") && !ctrlKey && !metaKey && !shiftKey) dialog.close(GONE)
})
dialog.addEventListener("cancel", () => { dialog.returnValue = "left" })
dialog.addEventListener("close", () => {
  turn++
  asked = null
  if (dialog.returnValue !== GONE) remember("")
})

const query = new URLSearchParams(location.search).get("q")
if (query) open(query)
