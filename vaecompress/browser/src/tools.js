// Pictures that no network coded, by the browser's own decoder: FORMAT.md, "WebP lossless".

import { CorruptError, UnsupportedError } from "./errors.js"

const VP8L_SIGNATURE = 0x2f

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
      const rgba = new Uint8Array(4 * width * height)
      await image.copyTo(rgba, { format: "RGBA" })
      return rgba
    } finally {
      image.close()
    }
  } catch (error) {
    if (error instanceof CorruptError) throw error
    throw new CorruptError("the WebP bitstream cannot be decoded; the stream is damaged")
  } finally {
    decoder.close()
  }
}
