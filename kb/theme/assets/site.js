/* Says of each picture from elsewhere whether it came: `site.css` shows the picture or its note by
   the class. One of our own copies that doesn't come is looked for at its author's address; one that
   says nothing for eight seconds counts as missing, until it comes after all. A card's cover that
   doesn't come is taken away, from before the title's first letter. Where there is a picture, the
   script comes that opens it whole.

   Runs in <head>, before there is a picture. `load` and `error` go no further than their element,
   but the document hears of them first. */

{
  const WAIT = 8000
  const PICTURES = ".picture > img"
  const zoom = new URL("zoom.js", document.currentScript.src)

  const isHere = img => img.complete && img.naturalWidth > 0

  const missing = img => {
    const original = img.dataset.original
    if (original) {
      img.removeAttribute("data-original")
      img.removeAttribute("srcset")
      img.parentNode.classList.remove("is-own")
      img.src = original
      wait(img)
    } else if (img.matches(PICTURES)) img.parentNode.classList.add("is-missing")
    else if (img.matches(".card-cover > img")) img.remove()
  }

  const wait = img => setTimeout(() => {
    if (!isHere(img)) missing(img)
  }, WAIT)

  const near = new IntersectionObserver(seen => seen.filter(each => each.isIntersecting).forEach(({target}) => {
    near.unobserve(target)
    wait(target)
  }), {rootMargin: "200px"})

  document.addEventListener("load", ({target}) => {
    if (!target.matches(PICTURES)) return
    target.parentNode.classList.remove("is-missing")
    target.parentNode.classList.add("is-shown")
  }, true)

  document.addEventListener("error", ({target}) => {
    if (target.matches("img")) missing(target)
  }, true)

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(PICTURES).forEach(img => near.observe(img))
    if (document.querySelector(".md-content article img:not(.card-cover > img)")) import(zoom)
  })
}
