// Header, directory and bodies of a file: FORMAT.md, "File" to "Rules".

import { crc32, hex, readVarint, u32 } from "./bytes.js"
import { CorruptError, LimitError, UnsupportedError } from "./errors.js"

/** Upper bounds on what a file may ask for; those of the Python decoder. */
export const DEFAULT_LIMITS = Object.freeze({
  maxPixels: 268_435_456,
  maxSide: 65_535,
  maxFrames: 100_000,
  maxFileBytes: 2 ** 32,
  maxMetadataBytes: 16 << 20,
  maxSoundBytes: 1 << 30,
})

const MAGIC = [0x9d, 0x56, 0x41, 0x45]
const FIXED_BYTES = 15
const ENTRY_BYTES = 9
const MAX_OTHER_CHUNKS = 256
const FRAMES = ["FRAM", "FRMP"]
const CRITICAL = ["PICT", "ALPH", "TIME", ...FRAMES]
const OF_VIDEOS = ["tags", "aspr", "audi", "last"]
const AT_MOST_ONE = ["iccp", "exif", "xmp_", "colr", "tags", "aspr", "last", "srch", "audi"]

/**
 * A file whose header and directory were read and checked: `kind`, `width`, `height`, `channels` (1 or 3), `hasAlpha`,
 * `greyAsRgb`, `modelId` (hex), `quality`, and `entries` of {type, offset, length, crc}.
 */
export class Container {
  constructor(bytes, limits = DEFAULT_LIMITS) {
    if (bytes.length > limits.maxFileBytes) throw new LimitError(`the file has ${bytes.length} bytes: over the limit`)
    checkMagic(bytes)
    if (bytes.length < FIXED_BYTES) throw new CorruptError(`header: cut off at byte ${bytes.length}`)
    this.bytes = bytes
    const flags = bytes[5]
    this.modelId = hex(bytes.subarray(6, 14))
    this.quality = bytes[14]
    let position, count
    ;[this.width, position] = readVarint(bytes, FIXED_BYTES, "header")
    ;[this.height, position] = readVarint(bytes, position, "header")
    ;[count, position] = readVarint(bytes, position, "header")
    if (count * ENTRY_BYTES + 4 > bytes.length - position)
      throw new CorruptError(`header: a directory of ${count} chunks does not fit into the file`)
    if (count > limits.maxFrames + MAX_OTHER_CHUNKS) throw new LimitError(`the directory lists ${count} chunks: over the limit`)
    this.entries = readEntries(bytes, position, count)
    if (flags & 0xf0) throw new UnsupportedError("header: unknown flags; a newer version may read the file")
    this.kind = flags & 1 ? "video" : "image"
    this.hasAlpha = Boolean(flags & 2)
    this.channels = flags & 4 ? 1 : 3
    this.greyAsRgb = Boolean(flags & 8)
    this.#checkMeaning(limits)
    this.#checkExtent()
  }

  find(type) {
    return this.entries.find(entry => entry.type === type)
  }

  /** A body, or null where the file has no chunk of this type. Throws CorruptError where its CRC differs. */
  read(type) {
    const entry = this.find(type)
    if (!entry) return null
    const body = this.bytes.subarray(entry.offset, entry.offset + entry.length)
    if (crc32(body) !== entry.crc) throw new CorruptError(`chunk ${type} at byte ${entry.offset} is damaged: its CRC differs`)
    return body
  }

  #checkMeaning(limits) {
    const types = this.entries.map(entry => entry.type)
    const unknown = types.find(type => type[0] < "a" && !CRITICAL.includes(type))
    if (unknown) throw new UnsupportedError(`chunk ${unknown} is unknown and cannot be left out`)
    if (this.kind === "video" && this.hasAlpha) throw new UnsupportedError("alpha in video is not defined")
    const fault = this.#fault(types)
    if (fault) throw new CorruptError(`header: ${fault}`)
    const size = `the picture is ${this.width}x${this.height}`
    if (Math.max(this.width, this.height) > limits.maxSide) throw new LimitError(`${size}: over the limit a side`)
    if (this.width * this.height > limits.maxPixels) throw new LimitError(`${size}: over the limit of pixels`)
    const frames = types.filter(type => FRAMES.includes(type)).length
    if (frames > limits.maxFrames) throw new LimitError(`the video has ${frames} frames: over the limit`)
    const total = wanted => this.entries.filter(wanted).reduce((sum, { length }) => sum + length, 0)
    if (total(({ type }) => type[0] >= "a" && type !== "audi") > limits.maxMetadataBytes)
      throw new LimitError("the file has more metadata than the limit allows")
    if (total(({ type }) => type === "audi") > limits.maxSoundBytes) throw new LimitError("the file has more sound than the limit allows")
  }

  /** Which rule the header breaks, or null. */
  #fault(types) {
    const count = type => types.filter(each => each === type).length
    const video = this.kind === "video"
    const inRange = side => side > 0 && side < 2 ** 32
    if (!inRange(this.width) || !inRange(this.height)) return `size ${this.width}x${this.height} is out of range`
    if (this.quality < 1 || this.quality > 100) return `quality ${this.quality} is outside 1..100`
    if (this.greyAsRgb && (this.channels !== 1 || video)) return "grey to be shown as RGB in what is not a grey picture"
    for (const [type, wanted] of [["PICT", !video], ["TIME", video], ["ALPH", this.hasAlpha]])
      if (count(type) !== Number(wanted)) return `${count(type)} chunks ${type}, ${Number(wanted)} expected`
    const frames = types.filter(type => FRAMES.includes(type))
    if (frames.length > 0 !== video) return `${frames.length} frames in a file of kind ${this.kind}`
    if (video && frames[0] !== "FRAM") return "the first frame is predicted from another"
    const misplaced = video ? undefined : OF_VIDEOS.find(type => count(type))
    if (misplaced) return `chunk ${misplaced} in a picture`
    const repeated = AT_MOST_ONE.find(type => count(type) > 1)
    if (repeated) return `${count(repeated)} chunks ${repeated}, at most 1 allowed`
    if (types.length - frames.length > MAX_OTHER_CHUNKS) return `more than ${MAX_OTHER_CHUNKS} chunks besides frames`
    return null
  }

  #checkExtent() {
    const last = this.entries.at(-1)
    const end = last.offset + last.length
    if (end > this.bytes.length) throw new CorruptError(`the file has ${this.bytes.length} of ${end} bytes: it is cut off`)
    if (end < this.bytes.length) throw new CorruptError(`${this.bytes.length - end} bytes follow the last chunk`)
  }
}

function checkMagic(bytes) {
  if (bytes.length === 0) throw new CorruptError("the file is empty")
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) throw new CorruptError("this is no vaecompress stream")
  if (bytes[4] === 0) throw new CorruptError("header: version 0 does not exist")
  if (bytes[4] > 1) throw new UnsupportedError(`format version ${bytes[4]} is newer than 1`)
}

function readEntries(bytes, position, count) {
  const entries = []
  for (let index = 0; index < count; index++) {
    const type = String.fromCharCode(...bytes.subarray(position, position + 4))
    if (!/^[A-Za-z][A-Za-z0-9_]{3}$/.test(type)) throw new CorruptError(`directory: no chunk type at byte ${position}`)
    const [length, next] = readVarint(bytes, position + 4, "directory")
    entries.push({ type, length, crc: u32(bytes, next), offset: 0 })
    position = next + 4
  }
  let offset = position + 4
  if (offset > bytes.length) throw new CorruptError(`directory: cut off at byte ${bytes.length}`)
  if (crc32(bytes.subarray(0, position)) !== u32(bytes, position)) throw new CorruptError("header: its CRC does not match")
  for (const entry of entries) {
    entry.offset = offset
    offset += entry.length
  }
  return entries
}
