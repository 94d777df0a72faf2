/* A photograph with weights (`kb/figures/photograph.py`): point, tap or move with the arrow keys.

   The weights are fetched when the figure comes near; until then, and without them, it stays still. */

const DARKEST = 225

const near = new IntersectionObserver((entries) => {
  for (const {isIntersecting, target} of entries) {
    if (!isIntersecting) continue
    near.unobserve(target)
    begin(target).catch(() => {})
  }
}, {rootMargin: "600px"})

function watch() {
  for (const looks of document.querySelectorAll(".looks[data-weights]")) near.observe(looks)
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", watch)
else watch()

async function begin(looks) {
  const stages = [...looks.querySelectorAll(".stage")]
  const [wide, high] = looks.dataset.grid.split(",").map(Number)
  const count = wide * high
  const answer = await fetch(new URL(looks.dataset.weights, stages[0].querySelector("img").src))
  if (!answer.ok) return
  const stream = answer.body.pipeThrough(new DecompressionStream("deflate"))
  const data = await new Response(stream).arrayBuffer()
  const largest = new DataView(data, 0, 4 * stages.length * count)
  const levels = new Uint8Array(data, 4 * stages.length * count)
  const said = looks.parentNode.querySelector(".said")
  let position = Number(looks.dataset.still)

  function show(next) {
    position = next
    const row = Math.floor(next / wide), column = next % wide
    stages.forEach((stage, form) => {
      const line = (form * count + next) * count
      stage.querySelector(".heat").style.backgroundImage = `url(${shade(levels.subarray(line, line + count), wide, high)})`
      const at = stage.querySelector(".at").style
      at.left = `${100 * column / wide}%`
      at.top = `${100 * row / high}%`
      const share = 100 * largest.getFloat32(4 * (form * count + next), true)
      stage.parentNode.querySelector(".largest").textContent = `最大权重 ${share.toFixed(2)}%`
    })
    said.textContent = `第 ${row + 1} 行第 ${column + 1} 列。`
  }

  function point(event) {
    const box = event.currentTarget.getBoundingClientRect()
    const column = Math.floor(wide * (event.clientX - box.left) / box.width)
    const row = Math.floor(high * (event.clientY - box.top) / box.height)
    show(Math.min(high - 1, Math.max(0, row)) * wide + Math.min(wide - 1, Math.max(0, column)))
  }

  function move(event) {
    const [across, down] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key] || [0, 0]
    if (!across && !down) return
    event.preventDefault()
    const column = position % wide + across, row = Math.floor(position / wide) + down
    if (column >= 0 && column < wide && row >= 0 && row < high) show(row * wide + column)
  }

  for (const stage of stages) {
    stage.tabIndex = 0
    stage.setAttribute("role", "group")
    stage.setAttribute("aria-label", "照片：点一处，或者用方向键移动")
    stage.addEventListener("click", point)
    stage.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") point(event) })
    stage.addEventListener("keydown", move)
  }
  looks.dataset.ready = ""
}

function shade(levels, wide, high) {
  const canvas = document.createElement("canvas")
  canvas.width = wide
  canvas.height = high
  const context = canvas.getContext("2d")
  const image = context.createImageData(wide, high)
  levels.forEach((level, n) => { image.data[4 * n + 3] = Math.round(DARKEST * (1 - Math.sqrt(level / 255))) })
  context.putImageData(image, 0, 0)
  return canvas.toDataURL()
}
