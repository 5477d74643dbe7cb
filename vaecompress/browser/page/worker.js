// Decodes off the page's thread. Models are fetched by their ids from ../models/, which the command
// `vaecompress models --decoders DIR` fills.

import * as ort from "../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs"
import { Decoder } from "../src/index.js"

ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1

async function fetchModel(id) {
  const answer = await fetch(new URL(`../models/${id}.vcm`, import.meta.url))
  return answer.ok ? answer.arrayBuffer() : null
}

const decoder = new Decoder(ort, fetchModel)

self.onmessage = async ({ data: { number, bytes } }) => {
  const began = performance.now()
  try {
    const image = await decoder.decodeToImageData(bytes)
    self.postMessage({ number, image, size: bytes.length, milliseconds: Math.round(performance.now() - began) })
  } catch (error) {
    self.postMessage({ number, error: `${error.name}: ${error.message}` })
  }
}
