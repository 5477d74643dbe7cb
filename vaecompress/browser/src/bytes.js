// CRC-32, varints, and names of eight bytes.

import { CorruptError } from "./errors.js"

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** CRC-32 of bytes, as in PNG and zlib. */
export function crc32(bytes) {
  let crc = 0xffffffff
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8)
  return ~crc >>> 0
}

/** The u32 at a position, little-endian. */
export function u32(bytes, position) {
  return (bytes[position] | (bytes[position + 1] << 8) | (bytes[position + 2] << 16) | (bytes[position + 3] << 24)) >>> 0
}

export function hex(bytes) {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join("")
}

/**
 * [value, position after it] of the varint at a position. Values from 2^53 on are not exact, but large.
 * Throws CorruptError where it is cut off, spelled too long, or of 2^(7 maxBytes) or 2^64 and more.
 */
export function readVarint(bytes, position, where, maxBytes = 10) {
  let value = 0
  for (let index = 0; index < maxBytes; index++) {
    if (position + index >= bytes.length) throw new CorruptError(`${where}: cut off at byte ${bytes.length}`)
    const byte = bytes[position + index]
    value += (byte & 127) * 2 ** (7 * index)
    if (byte < 128) {
      if ((byte === 0 && index > 0) || (index === 9 && byte > 1)) break
      return [value, position + index + 1]
    }
  }
  throw new CorruptError(`${where}: malformed number at byte ${position}`)
}
