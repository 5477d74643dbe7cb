// Entropy-coded bytes to symbols: FORMAT.md, "Entropy coding". The 64-bit state is held as two halves in doubles.

import { readVarint } from "./bytes.js"
import { CorruptError } from "./errors.js"

const TOTAL_BITS = 24
const WORD = 2 ** 32
const MAX_SYMBOL = 1 << 20
const SLACK_BITS = 128
const SLACK_FACTOR = 1.25
const MAX_ESCAPE_BYTES = 5

/** The probability tables of a model. Throws CorruptError where they are none. */
export class Tables {
  constructor(firsts, lengths, frequencies) {
    this.firsts = firsts
    this.count = lengths.length
    if (this.count === 0 || firsts.length !== this.count) throw new CorruptError("model file: no tables")
    this.starts = new Uint32Array(this.count + 1)
    this.lows = new Uint32Array(frequencies.length)
    this.leastBits = new Float64Array(this.count)
    this.frequencies = frequencies
    for (let table = 0; table < this.count; table++) this.#add(table, lengths[table])
    if (this.starts[this.count] !== frequencies.length) throw new CorruptError("model file: tables of the wrong length")
  }

  #add(table, length) {
    const start = this.starts[table]
    if (length < 2 || start + length > this.frequencies.length) throw new CorruptError("model file: a table is too short")
    let low = 0
    let most = 0
    for (let entry = start; entry < start + length; entry++) {
      this.lows[entry] = low
      low += this.frequencies[entry]
      most = Math.max(most, this.frequencies[entry])
      if (this.frequencies[entry] < 1) throw new CorruptError("model file: a symbol without probability")
    }
    if (low !== 2 ** TOTAL_BITS) throw new CorruptError("model file: a table does not sum to 2^24")
    this.starts[table + 1] = start + length
    this.leastBits[table] = TOTAL_BITS - Math.log2(most)
  }
}

/** Reads groups of symbols, then `finish`. */
export class Decoder {
  #tables
  #escapes
  #escapePosition = 0
  #words
  #left
  #high = 0
  #low = 0

  constructor(coded, tables) {
    const [length, start] = readVarint(coded, 0, "entropy-coded data", MAX_ESCAPE_BYTES)
    const words = coded.subarray(start + length)
    if (start + length > coded.length || words.at(-1) === 0)
      throw new CorruptError("entropy-coded data: wrong length of a section")
    this.#tables = tables
    this.#escapes = coded.subarray(start, start + length)
    this.#left = Math.ceil(words.length / 4)
    const padded = new Uint8Array(4 * this.#left)
    padded.set(words)
    const view = new DataView(padded.buffer)
    this.#words = Uint32Array.from({ length: this.#left }, (_, index) => view.getUint32(4 * index, true))
    for (let taken = 0; taken < 2; taken++) this.#takeWord()
  }

  /** The symbols Int32Array of a group, from the table index of each, in the order of its positions. */
  group(index) {
    const { count } = this.#tables
    const ends = new Uint32Array(count + 1)
    for (const table of index) ends[table + 1]++
    this.#checkLeft(ends)
    for (let table = 0; table < count; table++) ends[table + 1] += ends[table]
    const order = new Uint32Array(index.length)
    for (let place = 0; place < index.length; place++) order[ends[index[place]]++] = place
    const symbols = new Int32Array(index.length)
    for (const place of order) symbols[place] = this.#symbol(index[place])
    return symbols
  }

  /** Throws CorruptError unless all was used. */
  finish() {
    if (this.#high || this.#low || this.#left || this.#escapePosition !== this.#escapes.length)
      throw new CorruptError("entropy-coded data: something is left after the last symbol")
  }

  #takeWord() {
    if (this.#left === 0) return
    this.#high = this.#low
    this.#low = this.#words[--this.#left]
  }

  #checkLeft(counts) {
    let bits = 0
    for (let table = 0; table < this.#tables.count; table++) bits += counts[table + 1] * this.#tables.leastBits[table]
    const held = this.#high > 0 ? 2 : this.#low > 0 ? 1 : 0
    if (bits > SLACK_BITS + SLACK_FACTOR * 32 * (this.#left + held))
      throw new CorruptError("entropy-coded data: ends before the last symbol")
  }

  #symbol(table) {
    const { firsts, starts, lows, frequencies } = this.#tables
    const slot = this.#low & 0xffffff
    let entry = starts[table]
    let end = starts[table + 1]
    while (end - entry > 1) {
      const middle = (entry + end) >>> 1
      if (lows[middle] <= slot) entry = middle
      else end = middle
    }
    // x / 2^24 has 40 bits, a frequency 24: their product is put together from two halves of the former.
    const quotient = this.#high * 256 + (this.#low >>> TOTAL_BITS)
    const upper = Math.floor(quotient / 65536) * frequencies[entry]
    const lower = (quotient % 65536) * frequencies[entry] + (upper % 65536) * 65536 + slot - lows[entry]
    this.#low = lower % WORD
    this.#high = Math.floor(upper / 65536) + Math.floor(lower / WORD)
    if (this.#high === 0) this.#takeWord()
    const place = entry - starts[table]
    const size = starts[table + 1] - starts[table] - 1
    return place < size ? firsts[table] + place : this.#escaped(firsts[table], size)
  }

  #escaped(first, size) {
    let code
    ;[code, this.#escapePosition] = readVarint(this.#escapes, this.#escapePosition, "escapes", MAX_ESCAPE_BYTES)
    const symbol = code % 2 ? first - (code + 1) / 2 : first + size + code / 2
    if (Math.abs(symbol) > MAX_SYMBOL) throw new CorruptError("entropy-coded data: an escaped symbol is out of bounds")
    return symbol
  }
}
