// What is coded coarse to fine: FORMAT.md, "Coarse to fine", "Planes of lowest frequency" and "Hyper-latents".

import { CorruptError } from "./errors.js"

const MAX_STRIDE = 32
const LATENT_LIMIT = 8191
const HYPER_LIMIT = 127

// Offsets (rows, columns), two by two, of neighbours whose difference counts: the nearest pair first, then its parallels.
const DIAGONAL = [
  [[-1, -1, 1, 1], [-3, -1, -1, 1], [-1, -3, 1, -1], [1, -1, 3, 1], [-1, 1, 1, 3]],
  [[-1, 1, 1, -1], [-3, 1, -1, -1], [-1, 3, 1, 1], [1, 1, 3, -1], [-1, -1, 1, -3]],
]
const STRAIGHT = [
  [[-1, 0, 1, 0], [-1, 2, 1, 2], [-1, -2, 1, -2], [-2, 1, 0, 1], [0, 1, 2, 1], [-2, -1, 0, -1], [0, -1, 2, -1]],
  [[0, -1, 0, 1], [2, -1, 2, 1], [-2, -1, -2, 1], [1, -2, 1, 0], [1, 0, 1, 2], [-1, -2, -1, 0], [-1, 0, -1, 2]],
]

/** The passes over planes of rows x columns: {stride, level, places}, places as row * columns + column. */
function* passes(rows, columns) {
  let stride = 1
  while (stride < Math.min(rows, columns, MAX_STRIDE)) stride *= 2
  yield { stride, level: 0, places: placesOf(rows, columns, stride, () => true) }
  while (stride > 1) {
    stride /= 2
    const level = stride === 1 ? 5 : stride === 2 ? 3 : 1
    yield { stride, level, places: placesOf(rows, columns, stride, (i, j) => (i & 1) === 1 && (j & 1) === 1) }
    yield { stride, level: level + 1, places: placesOf(rows, columns, stride, (i, j) => ((i + j) & 1) === 1) }
  }
}

function placesOf(rows, columns, stride, wanted) {
  const places = []
  for (let i = 0; i * stride < rows; i++)
    for (let j = 0; j * stride < columns; j++)
      if (wanted(i, j)) places.push(i * stride * columns + j * stride)
  return Uint32Array.from(places)
}

/** Looks around the positions of one pass, on a grid that is mirrored at its edges. */
class Around {
  constructor({ stride, level }, rows, columns) {
    this.stride = stride
    this.columns = columns
    this.lastRow = Math.floor((rows - 1) / stride)
    this.lastColumn = Math.floor((columns - 1) / stride)
    this.diagonal = level % 2 === 1
    this.pairs = this.diagonal ? DIAGONAL : STRAIGHT
  }

  at(plane, place, down, right) {
    const row = mirrored(Math.floor(place / this.columns) / this.stride + down, this.lastRow)
    const column = mirrored((place % this.columns) / this.stride + right, this.lastColumn)
    return plane[row * this.stride * this.columns + column * this.stride]
  }

  /** The four nearest neighbours. */
  nearest(plane, place) {
    const [[[a, b, c, d]], [[e, f, g, h]]] = this.pairs
    return [this.at(plane, place, a, b), this.at(plane, place, c, d), this.at(plane, place, e, f), this.at(plane, place, g, h)]
  }

  /** [mean, activity]: a mean that leans to the pair along which the plane changes least. */
  leaning(plane, place) {
    const own = this.diagonal ? 4 : 3
    const [a, b] = this.pairs.map(([nearest, ...others]) => {
      const [sum, difference] = this.#pair(plane, place, nearest)
      return [sum, others.reduce((total, offsets) => total + this.#pair(plane, place, offsets)[1], own * difference)]
    })
    const u = b[1] * b[1] + 16
    const v = a[1] * a[1] + 16
    const mean = Math.floor((a[0] * u + b[0] * v + u + v) / (2 * (u + v)))
    return [mean, Math.floor((2 * a[1] * b[1]) / (a[1] + b[1] + 1)) + 2 * Math.abs(a[0] - b[0])]
  }

  #pair(plane, place, [a, b, c, d]) {
    const first = this.at(plane, place, a, b)
    const second = this.at(plane, place, c, d)
    return [first + second, Math.abs(first - second)]
  }
}

function mirrored(index, last) {
  const place = Math.abs(index) % (2 * last)
  return Math.min(place, 2 * last - place)
}

/** How many of ascending bounds are at most a value. */
function partOf(bounds, value) {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (bounds[middle] <= value) low = middle + 1
    else high = middle
  }
  return low
}

/** The planes of lowest frequency: an Int16Array of rows x columns for each, in 1/16 of a step. */
export function decodePlanes(model, decoder, rows, columns) {
  const { plane_channels: channels, scale_count: firstTable } = model.codec
  const bounds = model.array("planes/bounds").data
  const tables = model.array("planes/tables").data
  const parts = bounds.length + 1
  const planes = channels.map(() => new Int16Array(rows * columns))
  if (planes.length === 0) return planes
  for (const pass of passes(rows, columns)) {
    const { level, places } = pass
    const around = new Around(pass, rows, columns)
    const leading = new Int32Array(places.length)
    for (const group of [planes.slice(0, 1), planes.slice(1)]) {
      const first = group[0] === planes[0] ? 0 : 1
      const means = new Int32Array(group.length * places.length)
      const index = new Uint16Array(means.length)
      group.forEach((plane, number) =>
        places.forEach((place, which) => {
          const at = number * places.length + which
          let activity = 0
          if (level) [means[at], activity] = around.leaning(plane, place)
          const part = partOf(bounds, activity + 24 * leading[which])
          index[at] = firstTable + tables[(level * planes.length + first + number) * parts + part]
        }),
      )
      const symbols = decoder.group(index)
      group.forEach((plane, number) =>
        places.forEach((place, which) => {
          const at = number * places.length + which
          plane[place] = clip(16 * symbols[at] + means[at], LATENT_LIMIT)
        }),
      )
      if (first === 0) symbols.forEach((symbol, which) => (leading[which] = Math.abs(symbol)))
    }
  }
  return planes
}

/** Hyper-latents: an Int16Array [Z][rows][columns]. Throws CorruptError where one is out of bounds. */
export function decodeHyper(model, decoder, rows, columns, quality) {
  const { hyper_latent_channels: count, prior_sets: sets, scale_count: scales, plane_table_count: planeTables } = model.codec
  const set = Math.min(Math.floor(((quality - 1) * sets) / 99), sets - 1)
  const [means, weights, bounds, table] = ["means", "weights", "bounds", "scales"].map(
    name => model.array(`planes/hyper_${name}`).data,
  )
  const size = rows * columns
  const z = new Int16Array(count * size)
  const planes = Array.from({ length: count }, (_, channel) => z.subarray(channel * size, (channel + 1) * size))
  for (const pass of passes(rows, columns)) {
    const { level, places } = pass
    const around = new Around(pass, rows, columns)
    const look = (plane, place) => (level ? around.nearest(plane, place) : [0, 0, 0, 0])
    const everything = Int32Array.from(places, place => planes.reduce((sum, plane) => sum + magnitude(look(plane, place)), 0))
    const index = new Uint16Array(count * places.length)
    const whole = new Int16Array(index.length)
    planes.forEach((plane, channel) =>
      places.forEach((place, which) => {
        const row = (set * 7 + level) * count + channel
        const neighbours = look(plane, place)
        const total = neighbours[0] + neighbours[1] + neighbours[2] + neighbours[3]
        const fine = means[row] + ((weights[row] * total + 16) >> 5)
        const uneven = neighbours.reduce((sum, n) => sum + Math.abs(4 * n - total), 0)
        const activity = (everything[which] >> 2) + 4 * magnitude(neighbours) + uneven
        const scale = table[row * (bounds.length + 1) + partOf(bounds, activity)]
        const at = channel * places.length + which
        whole[at] = (fine + 4) >> 3
        index[at] = scales + planeTables + 8 * scale + fine - 8 * whole[at] + 4
      }),
    )
    const symbols = decoder.group(index)
    planes.forEach((plane, channel) =>
      places.forEach((place, which) => {
        const at = channel * places.length + which
        const value = symbols[at] + whole[at]
        if (Math.abs(value) > HYPER_LIMIT) throw new CorruptError("entropy-coded data: a hyper-latent is out of bounds")
        plane[place] = value
      }),
    )
  }
  return z
}

function magnitude(neighbours) {
  return neighbours.reduce((sum, n) => sum + Math.abs(n), 0)
}

export function clip(value, limit) {
  return value < -limit ? -limit : value > limit ? limit : value
}
