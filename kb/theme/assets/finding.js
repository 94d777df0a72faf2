/* Finds sections of notes by the index that `kb/site/search.py` writes; what the files hold, and why,
   is said there. Runs without a page too: `read` is given the name of a file and gives what it holds.

   A query is words between spaces: each must stand in the note as it is written, `-word` must not,
   "some words" belong together. Notes come in the order of how much they are about the words,
   the first of them by what their text says too. Where no note has all words, those come that have
   most of them, or nearly. */

import {near, whole} from "./matching.js"
import {IS_WORD, fold, isLike, parse, stem} from "./words.js"

const LEAST = 0.25, STEP = 1.25, LEVELS = 16

/* Words of one query, and terms that are looked up; a bit of a number for each. */
const MOST_TERMS = 24
/* Characters from which on a part is no longer one word that may have a wrong character. */
const LONG = 7
/* Notes whose text is read for an answer. */
const AT_ONCE = 6
/* What a note has of the words, from 0 to 1, if it is surely what was meant. */
const LIKELY = 0.75
/* How often that is done where none has the words as they are written. */
const TURNS = 3

const VALUES = Array.from({length: LEVELS}, (_, level) => LEAST * STEP ** level)

const spread = text => {
  let number = 0x811c9dc5
  for (let place = 0; place < text.length; place++) number = Math.imul(number ^ text.charCodeAt(place), 0x01000193) >>> 0
  return (number ^ number >>> 15) >>> 0
}

/* Words that make a question of what is looked for. */
const ASKING = /为什么要?|怎么样?|怎样|如何|是?什么是?|哪些|哪个|多少|是否|有没有|能不能|[吗呢]$/g

export class Finder {
  constructor(read) {
    this.read = read
    this.kept = new Map()
  }

  fetch(name) {
    if (!this.kept.has(name)) {
      const found = this.read(name)
      this.kept.set(name, found)
      found.catch(() => this.kept.delete(name))
    }
    return this.kept.get(name)
  }

  async open() {
    if (this.head) return
    const head = await this.fetch("index.json")
    this.starts = new Uint32Array(head.sections.length + 1)
    this.pageOf = new Uint32Array(head.count)
    head.sections.forEach((count, page) => {
      this.starts[page + 1] = this.starts[page] + count
      this.pageOf.fill(page, this.starts[page], this.starts[page + 1])
    })
    this.groups = []
    for (const count of head.pages) this.groups.push((this.groups.at(-1) ?? 0) + count)
    this.head = head
  }

  piece(term) {
    const key = IS_WORD.test(term) ? term.slice(0, 3) : term
    return this.fetch(`terms/${spread(key) % this.head.pieces}.json`)
  }

  /* Lists of the sections that have a term, each with how much it counts. */
  async lists(term, isLast) {
    const piece = await this.piece(term)
    const lists = Object.hasOwn(piece, term) ? [[piece[term], 1]] : []
    if (!IS_WORD.test(term) || term.length < 3) return lists
    const root = stem(term)
    for (const other in piece) {
      if (other === term) continue
      if (other.startsWith(term) && isLast) lists.push([piece[other], 0.6])
      else if (root.length > 2 && other.startsWith(root) && stem(other) === root) lists.push([piece[other], 0.8])
    }
    return lists
  }

  /* The terms of words, and their lists. */
  async lookUp(wanted) {
    const terms = [...new Set(wanted.flatMap(word => word.terms))].slice(0, MOST_TERMS)
    const last = wanted.at(-1).parts.at(-1)
    return {terms, found: await Promise.all(terms.map(term => this.lists(term, term === last)))}
  }

  /* Pages that have some of the terms or what is like them, in their order. Of words with a wrong
     character single characters are looked up too: one more wait for a reader far away, so not at
     once where few pages have some pair of theirs; nothing then where none is so rare. */
  async nearly(wanted, {terms, found}, isQuick) {
    const lists = await Promise.all(terms.map((term, place) =>
      !found[place].length && /^[a-z]{4,}$/.test(term) ? this.misspelt(term) : found[place]))
    if (isQuick) {
      const isRare = lists.some(each => each.some(([list]) => list[0] <= AT_ONCE))
      return isRare ? this.score(terms, lists, null) : []
    }
    const single = [...new Set(wanted.flatMap(word => word.parts)
      .filter(part => !IS_WORD.test(part) && part.length > 1 && part.length < LONG).flatMap(part => [...part]))]
    const characters = await Promise.all(single.map(async term =>
      (await this.lists(term)).map(([list, factor]) => [list, factor * 0.4])))
    return this.score([...terms, ...single], [...lists, ...characters], null)
  }

  async misspelt(term) {
    const near = (await this.fetch("words.json")).filter(word => isLike(word, term)).slice(0, 4)
    const lists = await Promise.all(near.map(word => this.lists(word)))
    return lists.flat().map(([list, factor]) => [list, factor * 0.6])
  }

  /* Pages in their order: [{page, section, score}]. `wanted`: a page must have all these words, each in
     one of its sections; null: any of the terms. */
  score(terms, found, wanted) {
    const {count} = this.head
    const masks = new Uint32Array(count), scores = new Float32Array(count)
    const pages = new Float32Array(this.starts.length - 1), best = new Float32Array(pages.length)
    let optional = 0
    found.forEach((lists, place) => {
      const have = Math.max(...lists.map(([list]) => list[0]), 0)
      const rarity = Math.log(1 + (count - have + 0.5) / (have + 0.5))
      best.fill(0)
      for (const [list, factor] of lists) {
        if (list[0] > list.length - 1) optional |= 1 << place
        for (let at = 1, section = 0; at < list.length; at++) {
          section += list[at] >> 4
          const value = (wanted ? VALUES[list[at] & 15] : 2 + Math.min(VALUES[list[at] & 15], 2)) * factor * rarity
          masks[section] |= 1 << place
          scores[section] += value
          const page = this.pageOf[section]
          if (value > best[page]) best[page] = value
        }
      }
      for (let page = 0; page < pages.length; page++) pages[page] += best[page]
    })
    const needs = wanted?.map(word => word.terms.reduce((mask, term) => {
      const place = terms.indexOf(term)
      return place < 0 ? mask : mask | 1 << place
    }, 0) & ~optional)
    const ranked = []
    for (let page = 0; page < pages.length; page++) {
      if (!pages[page]) continue
      let section = this.starts[page], all = 0
      for (let each = section; each < this.starts[page + 1]; each++) {
        if (scores[each] > scores[section]) section = each
        if (needs && masks[each]) for (let place = 0; place < needs.length; place++) {
          if ((masks[each] & needs[place]) === needs[place]) all |= 1 << place
        }
      }
      if (needs && all !== 2 ** needs.length - 1) continue
      ranked.push({page, section, score: pages[page] + scores[section] / 2})
    }
    return ranked.sort((one, other) => other.score - one.score || one.page - other.page)
  }

  async page(page) {
    const group = this.groups.findIndex(end => page < end)
    const pages = await this.fetch(`texts/${group}.json`)
    return pages[page - (this.groups[group - 1] ?? 0)]
  }

  /* Results come a few at a time: `await (await finder.find(query)).next()`. */
  async find(query) {
    await this.open()
    const words = parse(query).slice(0, MOST_TERMS)
    const wanted = words.filter(word => !word.unwanted)
    if (!wanted.length) return new Results(this, words, [], true)
    const looked = await this.lookUp(wanted)
    const exact = new Results(this, words, this.score(looked.terms, looked.found, wanted), true)
    if (await exact.lookAhead()) return exact
    const rest = query.replaceAll(ASKING, " ")
    if (rest !== query && parse(rest).length) return this.find(rest)
    const likely = new Results(this, words, await this.nearly(wanted, looked, true), false)
    if (await likely.lookAhead(LIKELY)) return likely
    return new Results(this, words, await this.nearly(wanted, looked, false), false)
  }
}

class Results {
  constructor(finder, words, pages, isWhole) {
    this.finder = finder
    this.words = words.filter(word => !word.unwanted)
    this.unwanted = words.filter(word => word.unwanted)
    this.isWhole = isWhole
    this.rest = pages
    this.count = pages.length
  }

  /* Whether there is one that has at least so much of the words. */
  async lookAhead(share = 0) {
    this.ahead = await this.next()
    return this.ahead.some(result => result.share >= share)
  }

  async next() {
    if (this.ahead) {
      const found = this.ahead
      this.ahead = null
      return found
    }
    let found = []
    for (let turn = 0; turn < TURNS && !found.length && this.rest.length; turn++) {
      const some = this.rest.splice(0, AT_ONCE)
      const read = await Promise.all(some.map(each => this.look(each)))
      found = read.filter(Boolean)
      this.count -= some.length - found.length
    }
    if (!found.length) this.rest = []
    return found.sort((one, other) => other.score - one.score)
  }

  /* Reads what the page says: null where its words are not those that were asked for. */
  async look({page, section, score}) {
    const [address, title, sections] = await this.finder.page(page)
    const read = sections.map(([anchor, heading, text]) => ({anchor, heading, text, folded: fold(`${heading}\n${text}`)}))
    if (this.unwanted.some(word => read.some(each => each.folded.includes(word.text)))) return null
    const first = section - this.finder.starts[page]
    let best = null
    for (const [place, each] of read.entries()) {
      const matches = this.words.map(word => this.isWhole ? whole(each.folded, word) : near(each.folded, word))
      const value = matches.reduce((sum, match) => sum + match.worth, 0) + (place === first) * 0.3 + (place === 0 && whole(fold(title), this.words[0]).worth) * 0.2
      each.matches = matches
      if (!best || value > best.value) best = {value, place, ...each}
    }
    const share = this.words.reduce((sum, _, word) => sum + Math.max(...read.map(each => each.matches[word].worth)), 0) / this.words.length
    if (this.isWhole ? share < 1 : share < 0.5) return null
    return {
      address, title, anchor: best.anchor, heading: best.place ? best.heading : "", text: best.text,
      found: best.matches.flatMap(match => match.texts), share, score: this.worth(score, title, read, share),
    }
  }

  worth(score, title, read, share) {
    const asked = [" ", ""].map(between => this.words.map(word => word.text).join(between))
    const folded = fold(title)
    let factor = share
    if (asked.includes(folded)) factor += 1
    else if (asked.some(each => folded.includes(each))) factor += 0.4 + 0.4 * asked[0].length / folded.length
    if (read.some(each => asked.some(words => each.folded.includes(words)))) factor += 0.4
    return score * factor
  }
}
