// The alpha channel: FORMAT.md, "Alpha". A PNG of 8-bit grey samples, read here, so that no colour management meddles.

import { crc32 } from "./bytes.js"
import { CorruptError, UnsupportedError } from "./errors.js"

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

/** Samples Uint8Array [height][width]. Throws CorruptError where the PNG is damaged or does not fit the picture. */
export async function decodeAlpha(png, width, height) {
  if (SIGNATURE.some((byte, index) => png[index] !== byte)) throw new CorruptError("the alpha plane is no PNG file")
  const bodies = []
  let header = null
  for (const { type, body } of chunks(png)) {
    if (type === "IHDR") header = new DataView(body.slice().buffer)
    else if (type === "IDAT") bodies.push(body)
  }
  if (header?.byteLength !== 13) throw new CorruptError("the alpha plane has no header")
  const [depth, kind, , , interlaced] = new Uint8Array(header.buffer, 8)
  if (header.getUint32(0) !== width || header.getUint32(4) !== height || depth !== 8 || kind !== 0)
    throw new CorruptError("the alpha plane does not fit the picture")
  if (interlaced) throw new UnsupportedError("the alpha plane is interlaced, which this decoder does not read")
  return unfiltered(await inflated(bodies, height * (width + 1)), width, height)
}

function* chunks(png) {
  const view = new DataView(png.buffer, png.byteOffset, png.length)
  for (let position = 8, type = ""; type !== "IEND"; ) {
    if (position + 12 > png.length) throw new CorruptError("the alpha plane is cut off")
    const length = view.getUint32(position)
    const end = position + 8 + length
    if (end + 4 > png.length) throw new CorruptError("the alpha plane is cut off")
    if (crc32(png.subarray(position + 4, end)) !== view.getUint32(end)) throw new CorruptError("the alpha plane is damaged")
    type = String.fromCharCode(...png.subarray(position + 4, position + 8))
    yield { type, body: png.subarray(position + 8, end) }
    position = end + 4
  }
}

/** What zlib data inflates to: exactly so many bytes, and never more than those held. */
async function inflated(bodies, size) {
  const data = new Uint8Array(size)
  let filled = 0
  try {
    const stream = new Blob(bodies).stream().pipeThrough(new DecompressionStream("deflate"))
    for (const reader = stream.getReader(); ; ) {
      const { done, value } = await reader.read()
      if (done) break
      if (filled + value.length > size) throw new RangeError("too long")
      data.set(value, filled)
      filled += value.length
    }
  } catch {
    throw new CorruptError("the alpha plane cannot be decoded; the stream is damaged")
  }
  if (filled !== size) throw new CorruptError("the alpha plane lacks rows")
  return data
}

function unfiltered(data, width, height) {
  const plane = new Uint8Array(width * height)
  for (let row = 0; row < height; row++) {
    const kind = data[row * (width + 1)]
    if (kind > 4) throw new CorruptError("the alpha plane has an unknown filter")
    for (let column = 0; column < width; column++) {
      const at = row * width + column
      const left = column ? plane[at - 1] : 0
      const above = row ? plane[at - width] : 0
      const corner = column && row ? plane[at - width - 1] : 0
      const predicted = [0, left, above, (left + above) >> 1, kind === 4 ? paeth(left, above, corner) : 0][kind]
      plane[at] = data[row * (width + 1) + 1 + column] + predicted
    }
  }
  return plane
}

function paeth(left, above, corner) {
  const estimate = left + above - corner
  const [a, b, c] = [left, above, corner].map(value => Math.abs(estimate - value))
  return a <= b && a <= c ? left : b <= c ? above : corner
}
