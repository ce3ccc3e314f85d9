// What tests of kernel bodies share: arrays in the emulated GPU's memory, filled with numbers or
// poison, and the launch of a body there.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/cuda/threads.cuh"
#include "tests/kernels/emulator/emulator.h"
#include "tests/kernels/emulator/half.h"

namespace nextframe::emulator {

/// Where a body's first value stands: at a multiple of 16 bytes, or one value behind.
enum class Place { aligned, shifted };

template <class T>
T from_number(float value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(rounded(Bf16(), value));
  return static_cast<T>(value);
}
template <class T>
float to_number(T value) {
  if constexpr (sizeof(T) == 2) return widened(Bf16(), value);
  return static_cast<float>(value);
}

/// T: float, uint16_t (bits of a bfloat16), uint8_t, double or int64_t.
template <class T>
class Array {
 public:
  explicit Array(int64_t count, Place place = Place::aligned)
      : shift_(place == Place::shifted ? 1 : 0), values_(static_cast<size_t>(count + shift_ + 16)) {
    const auto poison = sizeof(T) == 1 ? T(0xA5) : from_number<T>(-12345.0f);
    std::fill(values_.begin(), values_.end(), poison);
    count_ = count;
    while (reinterpret_cast<uintptr_t>(values_.data() + shift_ - (place == Place::shifted)) % 16) {
      ++shift_;
    }
  }

  T* data() { return values_.data() + shift_; }
  int64_t size() const { return count_; }
  T& operator[](int64_t i) { return data()[i]; }
  float number(int64_t i) { return to_number(data()[i]); }
  void set(int64_t i, float value) { data()[i] = from_number<T>(value); }
  Memory memory() { return {data(), count_ * static_cast<int64_t>(sizeof(T))}; }

  /// About normal; bytes uniform.
  Array& fill(uint32_t seed) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < count_; ++i) {
      data()[i] = sizeof(T) == 1 ? static_cast<T>(generator()) : from_number<T>(normal(generator));
    }
    return *this;
  }

 private:
  int64_t shift_, count_;
  std::vector<T> values_;
};

/// The size of got - expected against that of expected. A NaN in one alone is infinitely far.
template <class T>
double distance(Array<T>& got, Array<T>& expected) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < expected.size(); ++i) {
    const double a = got.number(i), b = expected.number(i);
    if (std::isnan(a) != std::isnan(b)) return INFINITY;
    if (std::isnan(b) || (std::isinf(b) && a == b)) continue;
    error += (a - b) * (a - b);
    size += b * b;
  }
  return std::sqrt(error / std::max(size, 1e-12));
}

template <class T>
bool same_bits(Array<T>& got, Array<T>& expected) {
  return got.size() == expected.size() &&
         std::memcmp(got.data(), expected.data(), static_cast<size_t>(got.memory().bytes)) == 0;
}

/// Starts bodies, in few blocks, so that they go on in strides.
struct Start {
  std::vector<Memory> memory;
  int64_t most_blocks = 3;

  template <class Body>
  void operator()(const Body& body) const {
    const auto blocks = static_cast<uint32_t>(std::min(body.blocks(), most_blocks));
    const auto report = run({blocks, kBlockThreads, Body::kSharedBytes}, memory, [&] { body(); });
    EXPECT_EQ(report.faults, std::vector<std::string>());
    EXPECT_EQ(report.bank_conflicts, 0);
  }
};

template <class... Arrays>
Start start_with(Arrays&... arrays) {
  return {{arrays.memory()...}};
}

}  // namespace nextframe::emulator
