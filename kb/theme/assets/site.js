/* Says of each picture from elsewhere whether it came: `site.css` shows the picture or its note by
   the class. A card's cover that doesn't come is taken away.

   Runs in <head>, before there is a picture. `load` and `error` go no further than their element,
   but the document hears of them first. */

document.addEventListener("load", ({target}) => {
  if (target.matches(".picture > img")) target.parentNode.classList.add("is-shown")
}, true)

document.addEventListener("error", ({target}) => {
  if (target.matches(".picture > img")) target.parentNode.classList.add("is-missing")
  else if (target.matches(".card-cover")) target.remove()
}, true)
