/* Whether the text of a section has a word that was asked for, and how it is written there. */

import {IS_WORD, LETTERS, isLike, isNear, stem} from "./words.js"

/* How a section has a word: `texts` that stand in it, `worth` from 0 to 1. */
export const whole = (text, word) => {
  if (text.includes(word.text)) return {worth: 1, texts: [word.text]}
  if (word.quoted || !word.parts.some(part => IS_WORD.test(part))) return {worth: 0, texts: []}
  const texts = word.parts.map(part => form(text, part))
  return texts.every(Boolean) ? {worth: 1, texts} : {worth: 0, texts: []}
}

/* A part as it stands in the text, in another form of the word perhaps. */
const form = (text, part) => {
  if (text.includes(part)) return part
  if (!IS_WORD.test(part)) return null
  const root = stem(part)
  return root.length > 2 ? text.match(new RegExp(`(?<![${LETTERS}])${root}[a-z]*`))?.[0] : null
}

export const near = (text, word) => {
  const exact = whole(text, word)
  if (exact.worth) return exact
  const found = word.parts.map(part => nearPart(text, part))
  return {
    worth: found.reduce((sum, each, place) => sum + each.worth * word.parts[place].length, 0) / word.parts.join("").length,
    texts: found.flatMap(each => each.texts),
  }
}

/* The place in the text that is most like the part, by their characters one beside the other; of a long
   part, a sentence perhaps, the pieces of it that stand in the text. */
const nearPart = (text, part) => {
  const same = form(text, part)
  if (same) return {worth: 1, texts: [same]}
  if (IS_WORD.test(part)) {
    const like = text.match(new RegExp(`[${LETTERS}]+`, "g"))?.find(other => isLike(other, part))
    return like ? {worth: 0.8, texts: [like]} : {worth: 0, texts: []}
  }
  let best = {worth: 0, texts: []}
  for (let place = 0; place + 1 < part.length; place++) {
    const pair = part.slice(place, place + 2)
    for (let at = text.indexOf(pair); at >= 0; at = text.indexOf(pair, at + 1)) {
      for (const shift of [0, 1, -1]) {
        const start = Math.max(at - place - (place ? shift : 0), 0)
        const there = text.slice(start, start + part.length + (place ? 0 : shift))
        if (there.includes("\n") || !isNear(there, part)) continue
        return {worth: 0.8, texts: [there]}
      }
    }
  }
  const pieces = []
  for (let start = 0, end; start + 1 < part.length; start = end) {
    end = start + 1
    while (end < part.length && text.includes(part.slice(start, end + 1))) end++
    if (end - start > 1) pieces.push(part.slice(start, end))
  }
  const share = pieces.join("").length / part.length
  return share > best.worth ? {worth: share * 0.9, texts: pieces} : best
}
