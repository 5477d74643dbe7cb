// Entropy-coded bytes to latents: FORMAT.md, "First means and scales" and "Latents".

import { Decoder } from "./coder.js"
import { Grid } from "./network.js"
import { clip, decodeHyper, decodePlanes } from "./planes.js"

const HYPER_FACTOR = 4
const BAND_LATENTS = 1 << 22
const LATENT_LIMIT = 8191
const RESIDUAL_LIMIT = 127
export const TILE_LATENTS = 64
const TILE_HYPER_LATENTS = 16

// The step of a latent is (t + channel) mod S, with t by row and column mod 2.
const STEPS = { 1: [[0, 0], [0, 0]], 2: [[0, 1], [1, 0]], 4: [[0, 2], [3, 1]] }

/** Latents of a picture with rows x columns hyper-latents a channel: a Grid of int16, in 1/16 of a step. */
export async function decodeLatents(model, coded, rows, columns, quality) {
  const { latent_channels: M, context_steps: steps } = model.codec
  const decoder = new Decoder(coded, model.tables)
  const [h, w] = [HYPER_FACTOR * rows, HYPER_FACTOR * columns]
  const planes = decodePlanes(model, decoder, h, w)
  const z = decodeHyper(model, decoder, rows, columns, quality)
  const picture = { model, decoder, planes, steps, h, w, M }
  picture.y = new Grid(new Int16Array(M * h * w), M, h, w)
  picture.residual = new Grid(new Int8Array(M * h * w), M, h, w)
  model.codec.plane_channels.forEach((channel, number) => picture.y.data.set(planes[number], channel * h * w))
  await firstMeans(picture, new Grid(z, model.codec.hyper_latent_channels, rows, columns), quality)
  for (let step = 0; step < steps; step++) {
    if (step > 0) await refine(picture, step)
    decodeStep(picture, step)
  }
  decoder.finish()
  return picture.y
}

async function firstMeans(picture, z, quality) {
  const { model, h, w, M } = picture
  picture.mean = new Grid(new Int16Array(M * h * w), M, h, w)
  picture.scale = new Grid(new Int8Array(M * h * w), M, h, w)
  const network = await model.network("hyper_synthesis")
  const outputs = ([features]) => {
    picture.features ??= new Grid(new Int16Array(features.dims[1] * h * w), features.dims[1], h, w)
    return [picture.features, picture.mean, picture.scale]
  }
  const where = { side: TILE_HYPER_LATENTS, halo: model.codec.halos.hyper_synthesis, factor: HYPER_FACTOR }
  await network.runTiled({ z }, { feature_gain: model.gain("hyper_feature", quality) }, outputs, where)
}

async function refine({ model, features, residual, mean, scale }, step) {
  const network = await model.network(`context${step}`)
  const where = { side: TILE_LATENTS, halo: model.codec.halos.context }
  await network.runTiled({ features, residual, mean, scale }, {}, () => [mean, scale], where)
}

function decodeStep(picture, step) {
  const { h, w, M } = picture
  const band = Math.max(1, Math.floor(BAND_LATENTS / (M * w)))
  for (let top = 0; top < h; top += band) decodeBand(picture, step, top, Math.min(top + band, h))
}

function decodeBand({ model, decoder, steps, h, w, M, y, residual, mean, scale }, step, top, bottom) {
  const { scale_count: K, min_log2_scale: least, scale_steps_per_octave: octave } = model.codec
  const inPlanes = new Set(model.codec.plane_channels)
  const places = []
  const index = []
  const uncoded = []
  for (let c = 0; c < M; c++)
    for (let i = top; i < bottom; i++)
      for (let j = 0; j < w; j++) {
        if ((STEPS[steps][i & 1][j & 1] + c) % steps !== step) continue
        const at = (c * h + i) * w + j
        if (inPlanes.has(c)) {
          residual.data[at] = clip((y.data[at] - mean.data[at] + 8) >> 4, RESIDUAL_LIMIT)
          continue
        }
        const scaleIndex = Math.min(Math.max(scale.data[at] - least * octave, 0), K - 1)
        if (scaleIndex > 0) {
          places.push(at)
          index.push(scaleIndex)
        } else uncoded.push(at)
      }
  for (const at of uncoded) y.data[at] = clip(mean.data[at], LATENT_LIMIT)
  decoder.group(Uint16Array.from(index)).forEach((symbol, which) => {
    const at = places[which]
    residual.data[at] = clip(symbol, RESIDUAL_LIMIT)
    y.data[at] = clip(16 * symbol + mean.data[at], LATENT_LIMIT)
  })
}
