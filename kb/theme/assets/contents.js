/* The contents close on a choice, on a tap beside them and on Esc; they open without this. */

const open = () => document.querySelector(".contents[open]")

document.addEventListener("click", ({target}) => {
  const contents = open()
  if (contents && (target.closest(".contents a") || !contents.contains(target))) contents.open = false
})

document.addEventListener("keydown", ({key}) => {
  const contents = open()
  if (!contents || key !== "Escape") return
  contents.open = false
  contents.querySelector("summary").focus()
})
