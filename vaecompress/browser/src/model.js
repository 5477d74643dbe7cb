// A model file: FORMAT.md, "Model file". A part that only decodes is enough, and a third as large.

import { crc32, hex, u32 } from "./bytes.js"
import { Tables } from "./coder.js"
import { CorruptError, UnsupportedError } from "./errors.js"
import { Network } from "./network.js"

const MAGIC = [0x56, 0x43, 0x4d, 0x1a]
const TAIL_BYTES = 36
const MAX_HEADER_BYTES = 1 << 20
const MAX_BLOB_BYTES = 1 << 28
const LEVELS = 7
const ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  float16: Uint16Array,
  float32: Float32Array,
}
const ENCODER_MEMBERS = ["analysis", "hyper_analysis", "gains/analysis_feature", "gains/encoder_latent"]
const TRAINING_PREFIXES = ["exact/", "params/", "ranges/"]
const NUMBERS = {
  latent_channels: [1, 4096],
  hyper_latent_channels: [1, 4096],
  context_steps: [1, 4],
  prior_sets: [1, 100],
  scale_count: [1, 4096],
  scale_steps_per_octave: [1, 4096],
  plane_table_count: [0, 256],
  hyper_scale_count: [1, 256],
}

/** A model ready to decode. `id` (hex) is how streams name it, `name` what its card calls it. */
export class Model {
  #ort
  #blobs
  #header
  #networks = new Map()

  /** Reads the bytes of a model file. Throws CorruptError or UnsupportedError. */
  static async parse(bytes, ort) {
    if (bytes.length < 9 + TAIL_BYTES || MAGIC.some((byte, index) => bytes[index] !== byte))
      throw new CorruptError("model file: wrong magic, this is no .vcm file")
    if (bytes[4] !== 1) throw new UnsupportedError(`model file: version ${bytes[4]} is newer than 1`)
    if (crc32(bytes.subarray(0, -4)) !== u32(bytes, bytes.length - 4))
      throw new CorruptError("model file: its CRC does not match, the file is damaged")
    const model = new Model()
    model.#ort = ort
    const identity = hex(bytes.subarray(bytes.length - TAIL_BYTES, bytes.length - 4))
    try {
      const end = 9 + u32(bytes, 5)
      if (end > 9 + MAX_HEADER_BYTES) throw new RangeError("header too long")
      model.#header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(9, end)))
      model.#blobs = bytes.subarray(end, bytes.length - TAIL_BYTES)
      if (Object.hasOwn(model.#header, "inflated")) model.#blobs = await inflated(model.#blobs, model.#header.inflated)
      if ((await model.#identity()) !== identity)
        throw new CorruptError("model file: its identity is not that of what it holds")
      model.id = identity.slice(0, 16)
      model.name = String(model.#header.card.name)
      model.codec = model.#header.card.codec
      model.#check()
    } catch (error) {
      if (error instanceof CorruptError) throw error
      throw new CorruptError(`model file: the header is malformed (${error.message})`)
    }
    const [firsts, lengths, frequencies] = ["first_symbols", "lengths", "frequencies"].map(name => model.array(`tables/${name}`).data)
    model.tables = new Tables(firsts, lengths, frequencies)
    const { scale_count: scales, plane_table_count: planes, hyper_scale_count: hyper } = model.codec
    if (model.tables.count !== scales + planes + 8 * hyper)
      throw new CorruptError("model file: the number of tables does not fit the model's shape")
    return model
  }

  /** An array of the file, {shape, data}. Throws CorruptError where it has none of this name. */
  array(name) {
    if (!Object.hasOwn(this.#header.arrays, name)) throw new CorruptError(`model file: it has no array ${name}`)
    const [type, shape, offset] = this.#header.arrays[name]
    const raw = this.#span(offset, byteLength(type, shape))
    return { type, shape, data: new ARRAYS[type](raw.slice().buffer) }
  }

  /** The row of gains of a quality, as a network takes it. */
  gain(name, quality) {
    const { shape, data } = this.array(`gains/${name}`)
    return { dims: [1, shape[1], 1, 1], data: data.slice((quality - 1) * shape[1], quality * shape[1]) }
  }

  /** The network of a name, made ready at the first call. */
  network(name) {
    if (!this.#networks.has(name)) {
      if (!Object.hasOwn(this.#header.networks, name)) throw new CorruptError(`model file: it has no network ${name}`)
      this.#networks.set(name, Network.create(this.#ort, this.#span(...this.#header.networks[name])))
    }
    return this.#networks.get(name)
  }

  #span(offset, length) {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#blobs.length)) throw new CorruptError("model file: a blob lies outside the file")
    return this.#blobs.subarray(offset, offset + length)
  }

  async #identity() {
    const { card, networks, arrays } = this.#header
    const numbers = { codec: card.codec }
    if (card.predicted) numbers.predicted = card.predicted.codec
    const members = new Map()
    for (const [name, place] of Object.entries(networks)) members.set(name, [this.#span(...place)])
    for (const [name, [type, shape, offset]] of Object.entries(arrays)) {
      const kind = new TextEncoder().encode(`${type} [${shape.join(", ")}]\0`)
      members.set(name, [kind, this.#span(offset, byteLength(type, shape))])
    }
    const parts = [new TextEncoder().encode(canonical(numbers))]
    for (const name of [...members.keys()].filter(decodes).sort())
      parts.push(new TextEncoder().encode(`${name}\0`), await sha256(members.get(name)))
    return hex(await sha256(parts))
  }

  #check() {
    const { codec } = this
    const whole = (value, [least, most]) => Number.isInteger(value) && value >= least && value <= most
    const offset = -codec.min_log2_scale * codec.scale_steps_per_octave
    const channels = codec.plane_channels
    const sound =
      Object.entries(NUMBERS).every(([name, range]) => whole(codec[name], range)) &&
      codec.context_steps !== 3 &&
      ["hyper_synthesis", "context", "synthesis"].every(name => whole(codec.halos[name], [0, 32])) &&
      whole(offset, [0, codec.scale_count - 1]) &&
      new Set(channels).size === channels.length &&
      channels.every(channel => whole(channel, [0, codec.latent_channels - 1]))
    if (!sound) throw new CorruptError("model file: a number on its card is out of bounds")
    const { hyper_latent_channels: hyper, prior_sets: sets } = codec
    const parts = name => this.array(name).data.length + 1
    const shapes = {
      "planes/tables": [LEVELS, channels.length, parts("planes/bounds")],
      "planes/hyper_weights": [sets, LEVELS, hyper],
      "planes/hyper_means": [sets, LEVELS, hyper],
      "planes/hyper_scales": [sets, LEVELS, hyper, parts("planes/hyper_bounds")],
      "filter/weights": [100, 3, 3, 2],
    }
    for (const [name, shape] of Object.entries(shapes))
      if (String(this.array(name).shape) !== String(shape)) throw new CorruptError(`model file: the array ${name} has the wrong shape`)
    for (const name of ["hyper_feature", "decoder_latent", "synthesis_feature"])
      if (this.array(`gains/${name}`).shape[0] !== 100) throw new CorruptError("model file: gains must have 100 rows")
    const most = name => this.array(name).data.reduce((a, b) => Math.max(a, b), 0)
    if (most("planes/tables") >= Math.max(codec.plane_table_count, 1) || most("planes/hyper_scales") >= codec.hyper_scale_count)
      throw new CorruptError("model file: its planes ask for tables that it does not have")
  }
}

/** The `size` bytes that a zlib stream holds. Throws where it holds something else. */
async function inflated(stored, size) {
  if (!Number.isInteger(size) || size < 0 || size > MAX_BLOB_BYTES) throw new RangeError("larger than any model file")
  const whole = new Uint8Array(size)
  const reader = new Blob([stored]).stream().pipeThrough(new DecompressionStream("deflate")).getReader()
  let place = 0
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    whole.set(part.value, place)
    place += part.value.length
  }
  if (place !== size) throw new RangeError("blobs of another size")
  return whole
}

function byteLength(type, shape) {
  if (!Object.hasOwn(ARRAYS, type) || !shape.every(side => Number.isInteger(side) && side >= 0))
    throw new CorruptError("model file: an array of unknown type")
  return shape.reduce((product, side) => product * side, ARRAYS[type].BYTES_PER_ELEMENT)
}

function decodes(name) {
  const own = name.replace(/^predicted\//, "")
  return !ENCODER_MEMBERS.includes(own) && !TRAINING_PREFIXES.some(prefix => own.startsWith(prefix))
}

/** JSON with sorted names and no spaces. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`
  if (value === null || typeof value !== "object") return JSON.stringify(value)
  const members = Object.keys(value).sort().map(name => `${JSON.stringify(name)}:${canonical(value[name])}`)
  return `{${members.join(",")}}`
}

async function sha256(parts) {
  const whole = new Uint8Array(await new Blob(parts).arrayBuffer())
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole))
}
