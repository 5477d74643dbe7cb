// What goes wrong, in the three ways of FORMAT.md ("Refusing a file"). Messages are one sentence for people.

/** Base of all errors of this package. */
export class VaecompressError extends Error {
  constructor(message) {
    super(message)
    this.name = this.constructor.name
  }
}

/** The bytes are damaged, cut off, or against the format. */
export class CorruptError extends VaecompressError {}

/** The file is sound, but not for this decoder: a newer version, another tool, a model that is not at hand. */
export class UnsupportedError extends VaecompressError {}

/** The file asks for more than the limits grant. */
export class LimitError extends VaecompressError {}
