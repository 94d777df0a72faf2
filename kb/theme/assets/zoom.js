/* Opens a picture whole, by a click or Enter; then it can be made larger, and the others of the page
   follow with the arrow keys. `site.js` asks for this file where there is a picture.

   The dialog is the browser's own: it keeps the focus, closes on Esc, and the page behind it rests.
   What is larger than the screen scrolls as anything else does, so a finger, a wheel, a scroll bar and
   the keys all work; pinching is done here, since the browser's would take the buttons along. */

const LARGEST = 8
const STEP = 1.5
const SWIPE = 50 // px
const OPENS_ITSELF = "a, button, summary, label"
const SMALLEST = 64 // px: smiles and badges are whole as they are

const all = [...document.querySelectorAll(".md-content article :is(img:not(.card-cover > img), .picture[data-address])")]
const counted = all.filter(each => !each.closest(".note-cover"))
const pictures = all.filter(each => each.matches("img"))

document.head.append(Object.assign(document.createElement("link"), {
  rel: "stylesheet",
  href: new URL("zoom.css", import.meta.url)
}))

const dialog = document.createElement("dialog")
dialog.className = "zoom"
dialog.setAttribute("aria-labelledby", "__zoom")
dialog.innerHTML = `
  <div class="zoom-stage" role="group" aria-label="图片，放大以后可以滚动"><img></div>
  <div class="zoom-bar">
    <p id="__zoom" aria-live="polite"></p>
    <a target="_blank" rel="noreferrer">打开原图</a>
    <div>
      <button type="button" data-by="-1" aria-label="上一张">‹</button>
      <button type="button" data-by="1" aria-label="下一张">›</button>
      <button type="button" data-times="${1 / STEP}" aria-label="缩小">−</button>
      <button type="button" data-times="${STEP}" aria-label="放大">+</button>
      <button type="button" data-close aria-label="关闭" autofocus>×</button>
    </div>
  </div>`
document.body.append(dialog)

const [stage, shown, says, original] = [".zoom-stage", "img", "p", "a"].map(each => dialog.querySelector(each))
let current = 0
let scale = 1
let whole = {width: 0, height: 0} // px, as it fits on the screen

const isMissing = img => img.closest(".is-missing") !== null

/* What the note beside it says before where it is from; of one that has none, the same. */
const describe = img => {
  const note = img.parentNode.querySelector(":scope > .picture-note")
  if (note) return note.textContent.split("，来自").slice(0, -1).join("，来自")
  const which = counted.length > 1 ? `第 ${counted.indexOf(img) + 1} / ${counted.length} 张，` : ""
  return which + (img.alt || "图片")
}

/* `times` the size that fits, around a point of the screen that stays where it is. */
const zoom = (times, x = innerWidth / 2, y = innerHeight / 2) => {
  const before = shown.getBoundingClientRect()
  if (!before.width) return // it has yet to come
  if (scale === 1) whole = before
  scale = Math.min(LARGEST, Math.max(1, times))
  if (scale < 1.02) scale = 1
  dialog.classList.toggle("is-large", scale > 1)
  stage.tabIndex = scale > 1 ? 0 : -1
  shown.style.width = scale > 1 ? `${whole.width * scale}px` : ""
  shown.style.height = scale > 1 ? `${whole.height * scale}px` : ""
  const after = shown.getBoundingClientRect()
  stage.scrollBy({
    left: after.left + (x - before.left) / before.width * after.width - x,
    top: after.top + (y - before.top) / before.height * after.height - y,
    behavior: "instant"
  })
  dialog.querySelector("[data-times^='0']").disabled = scale === 1
  dialog.querySelector("[data-times^='1']").disabled = scale === LARGEST
}

const show = number => {
  current = number
  const img = pictures[number]
  zoom(1)
  shown.src = img.currentSrc || img.src
  shown.alt = img.alt
  says.textContent = describe(img)
  original.href = img.dataset.original || img.src
  const large = new Image()
  large.referrerPolicy = shown.referrerPolicy = "no-referrer"
  large.onload = () => { if (current === number) shown.src = large.src }
  large.src = img.src
}

/* The next that there is, in one direction or the other. */
const go = by => {
  for (let number = current + by; number in pictures; number += by)
    if (!isMissing(pictures[number])) return show(number)
}

const open = img => {
  dialog.showModal()
  const there = pictures.filter(each => !isMissing(each)).length > 1
  dialog.querySelectorAll("[data-by]").forEach(each => { each.hidden = !there })
  show(pictures.indexOf(img))
}

dialog.addEventListener("close", () => {
  shown.removeAttribute("src")
  pictures[current].focus()
})

dialog.addEventListener("click", ({target}) => {
  const {by, times, close} = target.dataset
  if (by) go(Number(by))
  else if (times) zoom(scale * times)
  else if (close !== undefined || target === stage && scale === 1) dialog.close()
})

stage.addEventListener("dblclick", ({target, clientX, clientY}) => {
  if (target === shown) zoom(scale > 1 ? 1 : 2.5, clientX, clientY)
})

dialog.addEventListener("keydown", event => {
  const aside = {ArrowLeft: -1, ArrowRight: 1}[event.key] || 0
  const down = {ArrowUp: -1, ArrowDown: 1}[event.key] || 0
  const times = {"+": STEP, "=": STEP, "-": 1 / STEP, "0": 1 / scale}[event.key]
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (times) zoom(scale * times)
  else if (scale > 1 && (aside || down)) stage.scrollBy({left: 80 * aside, top: 80 * down})
  else if (aside) go(aside)
  else return
  event.preventDefault()
})

stage.addEventListener("wheel", event => {
  if (!event.ctrlKey) return // a pinch on a touch pad comes as one with Ctrl
  event.preventDefault()
  zoom(scale * Math.exp(-event.deltaY / 100), event.clientX, event.clientY)
}, {passive: false})

let fingers = null // where they were when they touched, and the scale then

stage.addEventListener("touchstart", ({touches}) => {
  const [one, two] = touches
  fingers = {scale, x: one.clientX, y: one.clientY, apart: two ? distance(one, two) : 0}
})

stage.addEventListener("touchmove", event => {
  const [one, two] = event.touches
  if (!two || !fingers.apart) return
  event.preventDefault() // Safari would make the page larger, whatever `touch-action` says
  const [x, y] = [(one.clientX + two.clientX) / 2, (one.clientY + two.clientY) / 2]
  zoom(fingers.scale * distance(one, two) / fingers.apart, x, y)
}, {passive: false})

stage.addEventListener("touchend", ({touches, changedTouches: [last]}) => {
  const [x, y] = [last.clientX - fingers.x, last.clientY - fingers.y]
  if (!touches.length && !fingers.apart && scale === 1 && Math.abs(x) > Math.max(SWIPE, 2 * Math.abs(y))) go(x < 0 ? 1 : -1)
})

const distance = (one, two) => Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY)

/* A picture that has come is a button; one in a link already leads somewhere. */
const prepare = img => {
  if (img.closest(OPENS_ITSELF) || Math.max(img.naturalWidth, img.naturalHeight) < SMALLEST) return
  img.alt ||= "图片"
  img.tabIndex = 0
  img.setAttribute("role", "button")
  img.setAttribute("aria-haspopup", "dialog")
  img.setAttribute("aria-label", `看大图：${describe(img)}`)
  img.classList.add("is-zoomed")
  img.onclick = () => open(img)
  img.onkeydown = event => {
    if (event.key !== "Enter" && event.key !== " ") return
    event.preventDefault()
    open(img)
  }
}

for (const img of pictures) {
  if (img.complete && img.naturalWidth) prepare(img)
  img.addEventListener("load", () => prepare(img))
}
