/* The sentence of a section that has what was looked for, and what of a text is marked. */

const LONGEST = 120
const BEFORE = 30
const SENTENCE = /[^。！？；!?;]+[。！？；!?;]*/g

/* Lower-case, half-width, with the place in the text that each unit comes from. */
const fold = text => {
  let folded = ""
  const places = []
  let place = 0
  for (const character of text) {
    const plain = character.normalize("NFKC").toLowerCase()
    folded += plain
    for (let unit = 0; unit < plain.length; unit++) places.push(place)
    place += character.length
  }
  places.push(text.length)
  return {folded, places}
}

/* Parts of a text in turn, and whether each is one of those found; neighbours are one part. */
export const mark = (text, found) => {
  const {folded, places} = fold(text)
  const marked = new Uint8Array(text.length)
  for (const each of found) {
    if (!each) continue
    for (let at = folded.indexOf(each); at >= 0; at = folded.indexOf(each, at + 1)) {
      marked.fill(1, places[at], places[at + each.length])
    }
  }
  const parts = []
  for (let start = 0, end; start < text.length; start = end) {
    end = start + 1
    while (end < text.length && (marked[end] === marked[start] ||
      marked[start] && text[end] === " " && marked[end + 1])) end++
    parts.push([text.slice(start, end), Boolean(marked[start])])
  }
  return parts
}

const worth = (text, found) => {
  const {folded} = fold(text)
  return [...new Set(found)].reduce((sum, each) => sum + (folded.includes(each) && each.length), 0)
}

/* `text`: the sentence that says most of it; `fragment`: where a browser goes, and what it marks there. */
export const excerpt = ({anchor, heading, title, text, found}) => {
  const lines = text.split("\n")
  let best = {value: 0, sentence: ""}
  for (const line of lines) {
    if (!worth(line, found)) continue
    for (const [sentence] of line.matchAll(SENTENCE)) {
      const value = worth(sentence, found)
      if (value > best.value) best = {value, sentence: sentence.trim()}
    }
  }
  const {sentence} = best
  const isHere = sentence && best.value >= worth(heading || title, found)
  const goal = isHere && sentence.length <= 300 ? `:~:text=${encodeURIComponent(sentence).replaceAll("-", "%2D")}` : ""
  return {
    text: cut(sentence || lines.find(line => line.length > 10) || "", found),
    fragment: anchor || goal ? `#${encodeURIComponent(anchor)}${goal}` : "",
  }
}

/* Of a long sentence, what stands about the first match. */
const cut = (sentence, found) => {
  if (sentence.length <= LONGEST) return sentence
  const [[before, isMatch]] = mark(sentence, found)
  const start = isMatch || before.length === sentence.length ? 0 : Math.max(before.length - BEFORE, 0)
  const end = start + LONGEST
  return (start ? "…" : "") + sentence.slice(start, end) + (end < sentence.length ? "…" : "")
}
