/* Words: how they are written, what one is in its other forms, and which are nearly the same.
   `kb/site/search.py` cuts the notes' text into the same. */

const CHINESE = "\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
export const LETTERS = "0-9a-z\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff\u0430-\u052f"
export const PART = new RegExp(`[${CHINESE}]+|[${LETTERS}]+`, "g")
export const IS_WORD = new RegExp(`^[${LETTERS}]`)

/* Full-width and half-width letters are the same, large and small too. */
export const fold = text => text.normalize("NFKC").toLowerCase()

const LONG_ENDING = /(?:i[sz]ations?|i[sz](?:e[drs]?|ers|ing)|at(?:e[drs]?|ions?|ing|ors?)|en(?:t|ts|tly|ce|ces|cy|cies)|an(?:t|ts|tly|ce|ces|cy)|ingly|edly|ments?|ities|ity|ness)$/
const ENDING = /(?:ings?|ed|ies|ers?|ors?|ions?|es|s|y|e|a|um)$/

/* What a word of English begins with in all its forms. */
export const stem = word => {
  if (!/^[a-z]{4,}$/.test(word)) return word
  const root = word.replace(LONG_ENDING, "")
  if (root !== word && root.length > 3) return root
  const short = word.replace(ENDING, "")
  return short.length > 2 ? short : word
}

/* A query's words: how each is written, and the terms it is looked up by. */
export const parse = query => {
  const words = []
  const pairs = part => Array.from(part.slice(1), (_, place) => part.slice(place, place + 2))
  for (const [, minus, quoted, plain] of fold(query).matchAll(/(-?)(?:"([^"]*)"?|(\S+))/g)) {
    const text = (quoted ?? plain).trim()
    const parts = text.match(PART)
    if (!parts) continue
    const looked = parts.flatMap(part => IS_WORD.test(part) || part.length === 1 ? part : pairs(part))
    words.push({text, parts, terms: [...new Set(looked)], unwanted: Boolean(minus), quoted: quoted !== undefined})
  }
  return words
}

export const isLike = (one, other) => isNear(one, other) || isNear(stem(one), stem(other))

/* Whether one letter more, less, another, or two that changed places make one word of the other. */
export const isNear = (one, other) => {
  if (Math.abs(one.length - other.length) > 1 || one.length < 2) return false
  let start = 0, end = 0
  while (start < one.length && one[start] === other[start]) start++
  const most = Math.min(one.length, other.length) - start
  while (end < most && one.at(-1 - end) === other.at(-1 - end)) end++
  const left = one.length - start - end, right = other.length - start - end
  return left < 2 && right < 2 ||
    left === 2 && right === 2 && one[start] === other[start + 1] && one[start + 1] === other[start]
}
