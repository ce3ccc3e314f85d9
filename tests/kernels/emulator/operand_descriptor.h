// Decodes the 64-bit descriptor that says where a product's operand lies in shared memory.
//
// PTX ISA, "Asynchronous Warpgroup Level Matrix Shared Memory Layout": bits 0-13 are the address,
// 16-29 the leading and 32-45 the stride dimension's byte offset, each divided by 16; 49-51 a base
// offset; 62-63 the swizzle: 0 none, 1 of 128, 2 of 64, 3 of 32 bytes. With s bytes a swizzled row:
//   K-major   row r, column k (of 16) at r / 8 * stride + r % 8 * s + 2 k; not swizzled, with cores
//             of 8 rows by 16 bytes: r / 8 * stride + r % 8 * 16 + k / 8 * leading + k % 8 * 2
//   MN-major  column n, row k at n / (s / 2) * leading + k / 8 * stride + k % 8 * s + n % (s / 2) *
//             2; not swizzled n / 8 * stride + k / 8 * leading + k % 8 * 16 + n % 8 * 2
// and of the address so found bits 4-6 are turned by bits 7-9: by as many as the swizzle has.
#pragma once

#include <cstdint>

namespace nextframe::emulator {

struct OperandDescriptor {
  uint32_t address, leading, stride, base_offset, swizzle_bytes;  // 0: not swizzled

  static OperandDescriptor of(uint64_t bits) {
    const auto field = [&](int first) {
      return static_cast<uint32_t>(bits >> first & 0x3fff) * 16;
    };
    constexpr uint32_t kSwizzles[4] = {0, 128, 64, 32};
    return {field(0), field(16), field(32), static_cast<uint32_t>(bits >> 49 & 7),
            kSwizzles[bits >> 62]};
  }

  /// Of 16 bytes: columns 8 chunk to 8 chunk + 7 of row `row`.
  uint32_t at_rows(uint32_t row, uint32_t chunk) const {
    const uint32_t group = address + row / 8 * stride;
    if (swizzle_bytes == 0) return group + row % 8 * 16 + chunk * leading;
    return turned(group + row % 8 * swizzle_bytes + chunk * 16);
  }
  /// Of 16 bytes: columns 8 chunk to 8 chunk + 7 of row `k`, rows along the columns.
  uint32_t at_columns(uint32_t chunk, uint32_t k) const {
    if (swizzle_bytes == 0) return address + chunk * stride + k / 8 * leading + k % 8 * 16;
    const uint32_t chunks = swizzle_bytes / 16;
    return turned(address + chunk / chunks * leading + k / 8 * stride + k % 8 * swizzle_bytes +
                  chunk % chunks * 16);
  }

 private:
  uint32_t turned(uint32_t at) const { return at ^ (at >> 7 & (swizzle_bytes / 16 - 1)) << 4; }
};

}  // namespace nextframe::emulator
