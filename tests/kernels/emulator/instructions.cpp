// The functions of kernels/cuda/ptx.h on the emulated machine.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/cuda/ptx.h"
#include "tests/kernels/emulator/half.h"
#include "tests/kernels/emulator/machine.h"

namespace nextframe::ptx {

using emulator::kLanes;
using emulator::Machine;
using emulator::Thread;

namespace {

Machine& machine() { return Machine::current(); }
Thread::Operands& operands() { return machine().thread().operands; }

template <class Value>
Value read_shared(Shared from) {
  Value value;
  machine().count_access(from, sizeof(Value));
  machine().shared().read(from, &value, sizeof(Value), machine().now());
  return value;
}

}  // namespace

// ---- Threads

uint32_t tid() { return machine().thread().number; }
uint32_t ctaid() { return machine().block(); }
uint32_t nctaid() { return machine().grid().blocks; }

void bar_warp_sync() {
  machine().meet("bar.warp.sync",
                 [](Machine& m, Thread* lanes) { m.order(lanes->number, kLanes); });
}
void bar_sync() { machine().meet_block(); }

float shfl_xor(float value, uint32_t mask) {
  operands().value = value;
  operands().row = mask;
  machine().meet("shfl", [](Machine&, Thread* lanes) {
    float values[kLanes];
    for (uint32_t i = 0; i < kLanes; ++i) values[i] = lanes[i].operands.value;
    for (uint32_t i = 0; i < kLanes; ++i) {
      lanes[i].operands.value = values[(i ^ lanes[i].operands.row) % kLanes];
    }
  });
  return operands().value;
}

// ---- Memory

Shared dynamic_shared() { return 0; }
uint32_t ld_shared(Shared from) { return read_shared<uint32_t>(from); }
Word4 ld_shared_v4(Shared from) { return read_shared<Word4>(from); }
void st_shared(Shared to, uint32_t word) {
  machine().count_access(to, 4);
  machine().shared().write(to, &word, 4, machine().now());
}

void st_shared_v4(Shared to, Word4 words) {
  machine().count_access(to, 16);
  machine().shared().write(to, &words, 16, machine().now());
}

Word4 ld_global_nc_v4(const void* from) {
  Word4 words;
  std::memset(&words, 0xff, sizeof(words));  // poison
  if (machine().is_global(from, 16, "reads")) std::memcpy(&words, from, 16);
  return words;
}
Word4 ld_global_v4(const void* from) { return ld_global_nc_v4(from); }
float ld_global_nc_f32(const float* from) {
  return machine().is_global(from, 4, "reads") ? *from : std::numeric_limits<float>::quiet_NaN();
}
void st_global_f32(float* to, float value) {
  if (machine().is_global(to, 4, "writes")) *to = value;
}
Float2 ld_global_nc(const float* from) {
  constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();
  if (!machine().is_global(from, 8, "reads")) return {kPoison, kPoison};
  return {from[0], from[1]};
}
void st_global_v4(void* to, Word4 words) {
  if (machine().is_global(to, 16, "writes")) std::memcpy(to, &words, 16);
}

void cp_async_16(Shared to, const void* from, bool is_there) {
  if (is_there && !machine().is_global(from, 16, "copies from")) return;
  machine().count_access(to, 16);
  machine().shared().expect_copy(to, 16, machine().now());
  machine().thread().copies.back().push_back({to, is_there ? from : nullptr});
}
void cp_async_commit() { machine().thread().copies.emplace_back(); }

/// As late as the machine may, bytes arrive.
template <int kNewest>
void cp_async_wait() {
  constexpr char kZeros[16] = {};
  auto& copies = machine().thread().copies;
  for (size_t group = 0; group + 1 + kNewest < copies.size(); ++group) {
    for (const auto& copy : copies[group]) {
      const void* from = copy.from == nullptr ? kZeros : copy.from;
      machine().shared().land_copy(copy.to, from, 16, machine().now().trace);
    }
    copies[group].clear();
  }
}
template void cp_async_wait<0>();
template void cp_async_wait<1>();

// ---- Tensor cores

namespace {

/// Lane i gave the address of row i % 8 of matrix i / 8.
void load_matrices(Machine& m, Thread* lanes, bool transposed) {
  uint16_t values[4][8][8];
  for (uint32_t matrix = 0; matrix < 4; ++matrix) {
    std::vector<Thread::Access> rows;
    for (uint32_t row = 0; row < 8; ++row) {
      const uint32_t from = lanes[8 * matrix + row].operands.row;
      m.shared().read(from, values[matrix][row], 16, m.now_of_warp());
      rows.push_back({from, 16});
    }
    m.count_phase(rows);
  }
  for (uint32_t i = 0; i < kLanes; ++i) {
    for (uint32_t matrix = 0; matrix < 4; ++matrix) {
      const auto at = [&](uint32_t row, uint32_t column) -> uint32_t {
        return transposed ? values[matrix][column][row] : values[matrix][row][column];
      };
      lanes[i].operands.words[matrix] = at(i / 4, i % 4 * 2) | at(i / 4, i % 4 * 2 + 1) << 16;
    }
  }
}

void load(uint32_t (&to)[4], Shared row, const char* name, void (*instruction)(Machine&, Thread*)) {
  operands().row = row;
  machine().meet(name, instruction);
  std::memcpy(to, operands().words, sizeof(to));
}

template <class Half>
float value_of(uint32_t pair, uint32_t which) {
  return emulator::widened(Half(), static_cast<uint16_t>(pair >> (16 * which)));
}

template <class Half>
void multiply_add(Machine&, Thread* lanes) {
  float a[16][16], b[16][8];
  for (uint32_t i = 0; i < kLanes; ++i) {
    const auto& given = lanes[i].operands;
    for (uint32_t e = 0; e < 2; ++e) {
      const uint32_t row = i / 4, column = i % 4 * 2 + e;
      for (uint32_t part = 0; part < 4; ++part) {
        a[row + part % 2 * 8][column + part / 2 * 8] = value_of<Half>(given.words[part], e);
      }
      for (uint32_t part = 0; part < 2; ++part) {
        b[column + part * 8][row] = value_of<Half>(given.right[part], e);
      }
    }
  }
  for (uint32_t i = 0; i < kLanes; ++i) {
    for (uint32_t e = 0; e < 4; ++e) {
      const uint32_t row = i / 4 + e / 2 * 8, column = i % 4 * 2 + e % 2;
      for (uint32_t k = 0; k < 16; ++k) lanes[i].operands.sums[e] += a[row][k] * b[k][column];
    }
  }
}

template <class Half>
void multiply_add(float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  auto& given = operands();
  std::memcpy(given.sums, sums, sizeof(sums));
  std::memcpy(given.words, a, sizeof(a));
  given.right[0] = b0, given.right[1] = b1;
  machine().meet("mma", multiply_add<Half>);
  std::memcpy(sums, operands().sums, sizeof(sums));
}

}  // namespace

void ldmatrix_x4(uint32_t (&to)[4], Shared row) {
  load(to, row, "ldmatrix", [](Machine& m, Thread* lanes) { load_matrices(m, lanes, false); });
}
void ldmatrix_x4_trans(uint32_t (&to)[4], Shared row) {
  load(to, row, "ldmatrix.trans", [](Machine& m, Thread* lanes) { load_matrices(m, lanes, true); });
}
void mma_m16n8k16(Bf16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiply_add<Bf16>(sums, a, b0, b1);
}
void mma_m16n8k16(Fp16, float (&sums)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  multiply_add<Fp16>(sums, a, b0, b1);
}

// ---- Numbers

namespace {

template <class Half>
uint32_t packed(float low, float high) {
  return emulator::rounded(Half(), low) | uint32_t{emulator::rounded(Half(), high)} << 16;
}

}  // namespace

uint32_t cvt_pack(Bf16, float low, float high) { return packed<Bf16>(low, high); }
uint32_t cvt_pack(Fp16, float low, float high) { return packed<Fp16>(low, high); }
Float2 cvt_unpack(Bf16, uint32_t pair) {
  return {value_of<Bf16>(pair, 0), value_of<Bf16>(pair, 1)};
}
Float2 cvt_unpack(Fp16, uint32_t pair) {
  return {value_of<Fp16>(pair, 0), value_of<Fp16>(pair, 1)};
}

float as_float(uint32_t bits) { return std::bit_cast<float>(bits); }
float ex2(float x) { return std::exp2(x); }
float lg2(float x) { return std::log2(x); }
float rcp(float x) { return 1 / x; }
float rsqrt(float x) { return 1 / std::sqrt(x); }

}  // namespace nextframe::ptx
