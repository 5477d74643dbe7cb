// One network under onnxruntime-web, run over big grids in tiles: FORMAT.md, "Networks" and "Tiles".

import { VaecompressError } from "./errors.js"

/** Boxes {core, padded} of [top, left, bottom, right] whose cores cover a grid once. */
export function* tiles(height, width, side, halo) {
  for (let top = 0; top < height; top += side)
    for (let left = 0; left < width; left += side) {
      const core = [top, left, Math.min(top + side, height), Math.min(left + side, width)]
      const padded = [
        Math.max(top - halo, 0),
        Math.max(left - halo, 0),
        Math.min(core[2] + halo, height),
        Math.min(core[3] + halo, width),
      ]
      yield { core, padded }
    }
}

/** Channels of a whole grid: typed `data` [channels][height][width]. */
export class Grid {
  constructor(data, channels, height, width) {
    Object.assign(this, { data, channels, height, width })
  }

  /** The floats within a box, as a network's input. */
  cut([top, left, bottom, right]) {
    const rows = bottom - top
    const columns = right - left
    const data = new Float32Array(this.channels * rows * columns)
    let at = 0
    for (let channel = 0; channel < this.channels; channel++)
      for (let row = top; row < bottom; row++) {
        const from = (channel * this.height + row) * this.width
        for (let column = left; column < right; column++) data[at++] = this.data[from + column]
      }
    return { dims: [1, this.channels, rows, columns], data }
  }

  /** Puts the core of a tile's result, all times `factor`, where it belongs. */
  paste(result, { core, padded }, factor) {
    const [, channels, rows, columns] = result.dims
    const [top, left, bottom, right] = core.map(edge => edge * factor)
    const [above, before] = padded.map(edge => edge * factor)
    for (let channel = 0; channel < channels; channel++)
      for (let row = top; row < bottom; row++) {
        const from = (channel * rows + row - above) * columns - before
        const to = (channel * this.height + row) * this.width
        for (let column = left; column < right; column++) this.data[to + column] = result.data[from + column]
      }
  }
}

/** A network on the wasm engine, whose sums are exact. (WebGPU promises no such thing, and is not used.) */
export class Network {
  #ort
  #session

  static async create(ort, graph) {
    const network = new Network()
    network.#ort = ort
    network.#session = await ort.InferenceSession.create(graph.slice(), { executionProviders: ["wasm"] })
    return network
  }

  /** Outputs {dims, data}, in the order of the graph, of inputs {dims, data}. */
  async run(inputs) {
    const feeds = {}
    for (const [name, { dims, data }] of Object.entries(inputs)) feeds[name] = new this.#ort.Tensor("float32", data, dims)
    try {
      const results = await this.#session.run(feeds)
      return this.#session.outputNames.map(name => results[name])
    } catch (error) {
      throw new VaecompressError(`a network cannot be run here: ${error?.message ?? error}`)
    }
  }

  /**
   * Runs over grids in tiles of `side` positions and puts the cores into `outputs`, whose grids are `factor` times as
   * fine as the inputs. An output may be an input that is used position by position.
   */
  async runTiled(grids, constants, outputs, { side, halo, factor = 1 }) {
    const [{ height, width }] = Object.values(grids)
    for (const tile of tiles(height, width, side, halo)) {
      const inputs = Object.fromEntries(Object.entries(grids).map(([name, grid]) => [name, grid.cut(tile.padded)]))
      const results = await this.run({ ...inputs, ...constants })
      outputs(results).forEach((output, index) => output.paste(results[index], tile, factor))
    }
  }
}
