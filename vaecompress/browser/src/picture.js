// A picture payload to pixels: FORMAT.md, "Picture payload", "Pixels" and "Pixel filter".

import { crc32, u32 } from "./bytes.js"
import { CorruptError, UnsupportedError } from "./errors.js"
import { TILE_LATENTS, decodeLatents } from "./latents.js"
import { tiles } from "./network.js"

const PATCH = 16
const HYPER_PATCH = 64
const LEARNED = 0
export const WEBP_LOSSLESS = 1
export const AV1_PLANES = 2
const MAX_STRENGTH = 8
const OFFSETS = [[[0, 1], [1, 0]], [[1, 1], [1, -1]], [[0, 2], [2, 0]]]
const BOUNDS = [[7, 34], [6, 28], [10, 48]]

/** {tool, checksum, strength, coded} of a payload. Throws where it is too short, or of a tool that this decoder lacks. */
export function readPayload(body) {
  if (body.length < 5) throw new CorruptError(`the picture payload has ${body.length} bytes, too few for its checksum`)
  const tool = body[0]
  if (tool > AV1_PLANES) throw new UnsupportedError(`the picture is coded with tool ${tool}, which a newer version may know`)
  if (tool !== LEARNED) return { tool, checksum: u32(body, 1), strength: 0, coded: body.subarray(5) }
  if (body.length < 6) throw new CorruptError("the picture payload is empty")
  if (body[5] > MAX_STRENGTH) throw new CorruptError(`filter strength ${body[5]} is above ${MAX_STRENGTH}`)
  return { tool, checksum: u32(body, 1), strength: body[5], coded: body.subarray(6) }
}

/** Samples of a payload, Uint8Array [height][width][channels]. Throws CorruptError unless their checksum is right. */
export async function decodePicture(model, payload, { width, height, channels, quality }) {
  const [rows, columns] = [height, width].map(side => Math.ceil(side / HYPER_PATCH))
  const y = await decodeLatents(model, payload.coded, rows, columns, quality)
  let pixels = await synthesise(model, y, width, height, quality)
  if (payload.strength) {
    const weights = model.array("filter/weights").data.subarray(18 * (quality - 1), 18 * quality)
    pixels = filtered(pixels, width, height, weights, payload.strength)
  }
  return checked(channels === 1 ? toGrey(pixels) : pixels, payload)
}

/** The pixels. Throws CorruptError unless their checksum is that of the payload. */
export function checked(pixels, payload) {
  if (crc32(pixels) !== payload.checksum)
    throw new CorruptError("the decoded picture does not match its checksum; the stream is damaged")
  return pixels
}

async function synthesise(model, y, width, height, quality) {
  const network = await model.network("synthesis")
  const gains = { latent_gain: model.gain("decoder_latent", quality), feature_gain: model.gain("synthesis_feature", quality) }
  const pixels = new Uint8Array(width * height * 3)
  for (const { core, padded } of tiles(y.height, y.width, TILE_LATENTS, model.codec.halos.synthesis)) {
    const [levels] = await network.run({ y: y.cut(padded), ...gains })
    const [top, left, bottom, right] = core.map(edge => edge * PATCH)
    const [above, before] = padded.map(edge => edge * PATCH)
    const end = Math.min(right, width)
    for (let row = top; row < Math.min(bottom, height); row++) {
      const from = ((row - above) * levels.dims[2] + left - before) * 3
      if (end > left) pixels.set(levels.data.subarray(from, from + 3 * (end - left)), (row * width + left) * 3)
    }
  }
  return pixels
}

function toGrey(pixels) {
  const grey = new Uint8Array(pixels.length / 3)
  for (let place = 0; place < grey.length; place++) {
    const sum = pixels[3 * place] + pixels[3 * place + 1] + pixels[3 * place + 2]
    grey[place] = Math.floor((2 * sum + 3) / 6)
  }
  return grey
}

function filtered(pixels, width, height, weights, strength) {
  const planes = [new Int16Array(width * height), new Int16Array(width * height), new Int16Array(width * height)]
  for (let place = 0; place < planes[0].length; place++) {
    const [red, green, blue] = pixels.subarray(3 * place, 3 * place + 3)
    planes[0][place] = red + green + blue
    planes[1][place] = red - blue
    planes[2][place] = red - 2 * green + blue
  }
  const [luma, orange, green] = planes.map((plane, number) => gained(plane, width, height, weights.subarray(6 * number), BOUNDS[number]))
  const result = new Uint8ClampedArray(pixels.length)
  const moved = change => (strength * change + 512) >> 10
  for (let place = 0; place < luma.length; place++) {
    const at = 3 * place
    result[at] = pixels[at] + moved(luma[place] + orange[place] + green[place])
    result[at + 1] = pixels[at + 1] + moved(luma[place] - 2 * green[place])
    result[at + 2] = pixels[at + 2] + moved(luma[place] - orange[place] + green[place])
  }
  return new Uint8Array(result.buffer)
}

/** What a plane gains where neighbours exchange their clipped differences. */
function gained(plane, width, height, weights, [narrow, wide]) {
  const gain = new Int32Array(plane.length)
  OFFSETS.forEach((pair, direction) => {
    const [a, b] = weights.subarray(2 * direction, 2 * direction + 2)
    for (const [down, right] of pair)
      for (let row = 0; row < height - down; row++)
        for (let column = Math.max(0, -right); column < width - Math.max(0, right); column++) {
          const here = row * width + column
          const there = here + down * width + right
          const difference = plane[there] - plane[here]
          const flow = a * bounded(difference, narrow) + b * bounded(difference, wide)
          gain[here] += flow
          gain[there] -= flow
        }
  })
  return gain
}

function bounded(value, bound) {
  return value < -bound ? -bound : value > bound ? bound : value
}
