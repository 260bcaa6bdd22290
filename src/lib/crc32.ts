/** CRC-32 (IEEE 802.3, the one of zip and PNG). Pure. */

/** What a byte becomes when 0, 1, 2 or 3 zero bytes follow it: "slicing by 4", Intel 2006, is three times as fast. */
const tables = Array.from({ length: 4 }, () => new Uint32Array(256))
const [table, second, third, fourth] = tables as [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
]
for (let byte = 0; byte < 256; byte++) {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  table[byte] = value
}
for (let place = 1; place < 4; place++) {
  const before = tables[place - 1] as Uint32Array
  for (let byte = 0; byte < 256; byte++) {
    const value = before[byte] as number
    ;(tables[place] as Uint32Array)[byte] = (value >>> 8) ^ (table[value & 0xff] as number)
  }
}

/** Checksum of the bytes, 0 to 2^32-1. Finds every flip of up to three bits in what we store. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff
  let at = 0
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    crc =
      (fourth[crc & 0xff] as number) ^
      (third[(crc >>> 8) & 0xff] as number) ^
      (second[(crc >>> 16) & 0xff] as number) ^
      (table[crc >>> 24] as number)
  }
  for (; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[at] as number)) & 0xff] as number)
  }
  return (crc ^ 0xffffffff) >>> 0
}
