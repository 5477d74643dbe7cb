// Pictures that no network coded, by the browser's own decoders: FORMAT.md, "WebP lossless" and "AV1 planes".

import { readVarint } from "./bytes.js"
import { CorruptError, UnsupportedError } from "./errors.js"

const VP8L_SIGNATURE = 0x2f
const AV1 = "av01.0.19M.08"
const SEQUENCE_HEADER = 0x0a
const FRAME = 0x32

/** [samples, alpha] of a lossless WebP bitstream; alpha is null unless the bitstream carries it. */
export async function decodeWebp(coded, { width, height, channels, jointAlpha }) {
  const header = coded.length < 5 ? 0 : (coded[1] | (coded[2] << 8) | (coded[3] << 16) | (coded[4] << 24)) >>> 0
  const [wide, high, alphaUsed, version] = [(header & 0x3fff) + 1, ((header >>> 14) & 0x3fff) + 1, (header >>> 28) & 1, header >>> 29]
  if (coded[0] !== VP8L_SIGNATURE || version !== 0) throw new CorruptError("the picture is no lossless WebP bitstream")
  if (wide !== width || high !== height || Boolean(alphaUsed) !== jointAlpha)
    throw new CorruptError("the WebP bitstream does not fit the picture")
  if (typeof ImageDecoder === "undefined")
    throw new UnsupportedError("the picture is coded with webp-lossless, which takes ImageDecoder: this browser lacks it")
  const rgba = await browserDecoded(riff(coded), width, height)
  const samples = new Uint8Array(width * height * channels)
  const alpha = jointAlpha ? new Uint8Array(width * height) : null
  for (let place = 0; place < width * height; place++) {
    for (let channel = 0; channel < channels; channel++) samples[channels * place + channel] = rgba[4 * place + channel]
    if (channels === 1 && (rgba[4 * place] !== rgba[4 * place + 1] || rgba[4 * place] !== rgba[4 * place + 2]))
      throw new CorruptError("the WebP bitstream of a grey picture has colours")
    if (alpha) alpha[place] = rgba[4 * place + 3]
  }
  return [samples, alpha]
}

/** A WebP file around a bitstream. */
function riff(coded) {
  const padded = coded.length + (coded.length % 2)
  const file = new Uint8Array(20 + padded)
  const view = new DataView(file.buffer)
  const put = (at, text) => file.set(new TextEncoder().encode(text), at)
  put(0, "RIFF")
  view.setUint32(4, 12 + padded, true)
  put(8, "WEBPVP8L")
  view.setUint32(16, coded.length, true)
  file.set(coded, 20)
  return file
}

async function browserDecoded(file, width, height) {
  const decoder = new ImageDecoder({ data: file, type: "image/webp", premultiplyAlpha: "none", colorSpaceConversion: "none" })
  try {
    const { image } = await decoder.decode()
    try {
      if (image.codedWidth !== width || image.codedHeight !== height) throw new CorruptError("the WebP picture has another size")
      const blueFirst = image.format?.startsWith("BGR")
      if (!blueFirst && !image.format?.startsWith("RGB")) throw new UnsupportedError(`this browser decodes WebP to ${image.format}`)
      const rgba = new Uint8Array(4 * width * height)
      await image.copyTo(rgba) // as it is: a conversion would multiply by alpha, and back
      if (blueFirst)
        for (let at = 0; at < rgba.length; at += 4) [rgba[at], rgba[at + 2]] = [rgba[at + 2], rgba[at]]
      return rgba
    } finally {
      image.close()
    }
  } catch (error) {
    if (error instanceof CorruptError || error instanceof UnsupportedError) throw error
    throw new CorruptError("the WebP bitstream cannot be decoded; the stream is damaged")
  } finally {
    decoder.close()
  }
}

/** Samples of AV1 stills: of a grey picture one, else Y, Co and Cg. */
export async function decodeAv1(coded, { width, height, channels }) {
  const parts = split(coded, channels)
  parts.forEach(checkUnits)
  if (typeof VideoDecoder === "undefined")
    throw new UnsupportedError("the picture is coded with av1-planes, which takes VideoDecoder: this browser lacks it")
  const planes = []
  for (const part of parts) planes.push(await luma(part, width, height))
  if (channels === 1) return planes[0]
  const samples = new Uint8ClampedArray(3 * width * height)
  for (let place = 0; place < width * height; place++) {
    const [y, co, cg] = [planes[0][place], planes[1][place] - 128, planes[2][place] - 128]
    samples[3 * place] = y - cg + co
    samples[3 * place + 1] = y + cg
    samples[3 * place + 2] = y - cg - co
  }
  return new Uint8Array(samples.buffer)
}

/** The stills of so many planes. */
function split(coded, count) {
  const parts = []
  for (; count > 1; count--) {
    const [length, start] = readVarint(coded, 0, "AV1 planes")
    if (start + length > coded.length) throw new CorruptError("an AV1 plane is cut off")
    parts.push(coded.subarray(start, start + length))
    coded = coded.subarray(start + length)
  }
  return [...parts, coded]
}

/** Throws CorruptError unless there are a sequence header and a frame, each with its size, and nothing else. */
function checkUnits(still) {
  let position = 0
  for (const first of [SEQUENCE_HEADER, FRAME]) {
    if (still[position] !== first) throw new CorruptError("an AV1 plane is no still of one frame")
    const [size, start] = readVarint(still, position + 1, "AV1 planes")
    position = start + size
    if (position > still.length) throw new CorruptError("an AV1 plane is cut off")
  }
  if (position !== still.length) throw new CorruptError("something follows the frame of an AV1 plane")
}

/** The luma samples of one still, as a video of one frame. */
async function luma(still, width, height) {
  const config = { codec: AV1, codedWidth: width, codedHeight: height }
  if (!(await VideoDecoder.isConfigSupported(config)).supported)
    throw new UnsupportedError("the picture is coded with av1-planes, which this browser does not decode")
  let frame = null
  const decoder = new VideoDecoder({ output: found => (frame = found), error: () => {} })
  try {
    decoder.configure(config)
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data: still }))
    await decoder.flush()
    const { width: wide, height: high } = frame.visibleRect
    if (wide !== width || high !== height) throw new RangeError("another size")
    const room = new Uint8Array(frame.allocationSize())
    const [plane] = await frame.copyTo(room)
    const samples = new Uint8Array(width * height)
    for (let row = 0; row < height; row++) {
      const from = plane.offset + row * plane.stride
      samples.set(room.subarray(from, from + width), row * width)
    }
    return samples
  } catch {
    throw new CorruptError("an AV1 plane cannot be decoded; the stream is damaged")
  } finally {
    frame?.close()
    if (decoder.state !== "closed") decoder.close()
  }
}
