// Pictures of vaecompress in a browser: the pixels that their checksum is of, or an error.

import { decodeAlpha } from "./alpha.js"
import { Container, DEFAULT_LIMITS } from "./container.js"
import { CorruptError, UnsupportedError } from "./errors.js"
import { Model } from "./model.js"
import { AV1_PLANES, WEBP_LOSSLESS, checked, decodePicture, readPayload } from "./picture.js"
import { decodeAv1, decodeWebp } from "./tools.js"

export { Container, DEFAULT_LIMITS } from "./container.js"
export * from "./errors.js"

/**
 * Decodes pictures.
 *
 *     import * as ort from "onnxruntime-web/wasm"
 *     const decoder = new Decoder(ort, id => fetch(`/models/${id}.vcm`).then(answer => answer.arrayBuffer()))
 *     context.putImageData(await decoder.decodeToImageData(bytes), 0, 0)
 */
export class Decoder {
  #ort
  #fetchModel
  #models = new Map()

  /**
   * `ort` is onnxruntime-web. `fetchModel` is given the id (16 hex digits) of a model and returns the bytes of its
   * file, whole or its decoder's part, or null; it is asked once a model.
   */
  constructor(ort, fetchModel, limits = DEFAULT_LIMITS) {
    this.#ort = ort
    this.#fetchModel = fetchModel
    this.limits = limits
  }

  /**
   * The picture of a file (Uint8Array or ArrayBuffer): `width`, `height`, `channels` (1 or 3), `pixels` Uint8Array
   * [height][width][channels], `alpha` Uint8Array [height][width] or null, and `icc`, `exif`, `xmp`, bytes or null.
   * Throws CorruptError, UnsupportedError or LimitError.
   */
  async decode(data) {
    const bytes = ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array(data)
    const container = new Container(bytes, this.limits)
    const { width, height, greyAsRgb } = container
    if (container.kind === "video") throw new UnsupportedError("this is a video: this decoder reads pictures")
    const payload = readPayload(container.read("PICT"))
    const [samples, alpha] = await this.#samples(container, payload)
    const [icc, exif, xmp] = ["iccp", "exif", "xmp_"].map(type => container.read(type))
    const pixels = greyAsRgb ? Uint8Array.from({ length: 3 * samples.length }, (_, at) => samples[Math.floor(at / 3)]) : samples
    return { width, height, channels: greyAsRgb ? 3 : container.channels, pixels, alpha, icc, exif, xmp }
  }

  /** [samples, alpha or null] of a picture. */
  async #samples(container, payload) {
    const { width, height, channels } = container
    const plane = container.read("ALPH")
    const jointAlpha = payload.tool === WEBP_LOSSLESS && plane?.length === 0
    if (payload.tool === WEBP_LOSSLESS) {
      const [pixels, alpha] = await decodeWebp(payload.coded, { width, height, channels, jointAlpha })
      return [checked(pixels, payload), alpha ?? (plane && (await decodeAlpha(plane, width, height)))]
    }
    const pixels =
      payload.tool === AV1_PLANES
        ? checked(await decodeAv1(payload.coded, container), payload)
        : await decodePicture(await this.#model(container.modelId), payload, container)
    return [pixels, plane && (await decodeAlpha(plane, width, height))]
  }

  /** The picture of a file as ImageData, to be drawn. Colours are taken for sRGB, and no orientation is applied. */
  async decodeToImageData(data) {
    const { width, height, channels, pixels, alpha } = await this.decode(data)
    const image = new ImageData(width, height)
    for (let place = 0; place < width * height; place++) {
      for (let channel = 0; channel < 3; channel++) image.data[4 * place + channel] = pixels[channels * place + (channel % channels)]
      image.data[4 * place + 3] = alpha ? alpha[place] : 255
    }
    return image
  }

  #model(id) {
    if (!this.#models.has(id)) {
      const loading = this.#load(id)
      this.#models.set(id, loading)
      loading.catch(() => this.#models.delete(id))
    }
    return this.#models.get(id)
  }

  async #load(id) {
    const data = await this.#fetchModel(id)
    if (!data) throw new UnsupportedError(`the picture was made with model ${id}, which is not at hand`)
    const model = await Model.parse(new Uint8Array(data), this.#ort)
    if (model.id !== id) throw new CorruptError(`the model file that was given for ${id} is that of ${model.id}`)
    return model
  }
}
