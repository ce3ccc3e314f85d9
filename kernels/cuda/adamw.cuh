// AdamW over flat buffers (kernels/adamw.h), with the same bits as the CPU's loop.
//
// Memory bound: 28 bytes an element, 36 with a weight average. Fraction of a copy's bandwidth: not
// measured.
#pragma once

#include "kernels/cpu/loops.h"
#include "kernels/cuda/threads.cuh"

namespace nextframe {
namespace {

template <bool kWhole>
struct AdamW {
  static constexpr uint32_t kSharedBytes = 0;
  static constexpr int kCount = 4;
  cpu::AdamWCall c;
  int64_t first, last;

  int64_t blocks() const { return blocks_for(last - first, kBlockThreads * kCount); }

  struct Element {
    float value, moment1, moment2, average;
  };
  NF_DEVICE void update(Element& of, float gradient, const cpu::AdamWNumbers& n) const {
    const Exact g = Exact{gradient} * Exact{n.gradient_scale};
    const Exact m = Exact{c.beta1} * Exact{of.moment1} + Exact{c.one_minus_beta1} * g;
    const Exact v = Exact{c.beta2} * Exact{of.moment2} + Exact{c.one_minus_beta2} * (g * g);
    const Exact scale = square_root(v) * Exact{n.inverse_root_correction2} + Exact{c.epsilon};
    const Exact value = Exact{n.shrink} * Exact{of.value} - Exact{n.step_size} * (m / scale);
    const Exact average = Exact{n.ema_decay} * Exact{of.average} + Exact{n.one_minus_ema} * value;
    of = {value.value, m.value, v.value, average.value};
  }

  template <bool kAll>
  NF_DEVICE void update_group(int64_t i, int64_t left, const cpu::AdamWNumbers& numbers) const {
    float value[kCount], moment1[kCount], moment2[kCount], gradient[kCount], average[kCount] = {};
    load_some<kAll>(value, c.value + i, left);
    load_some<kAll>(gradient, c.gradient + i, left);
    load_some<kAll>(moment1, c.moment1 + i, left);
    load_some<kAll>(moment2, c.moment2 + i, left);
    if (c.average != nullptr) load_some<kAll>(average, c.average + i, left);
    NF_UNROLL for (int j = 0; j < kCount; ++j) {
      Element element{value[j], moment1[j], moment2[j], average[j]};
      update(element, gradient[j], numbers);
      value[j] = element.value, moment1[j] = element.moment1, moment2[j] = element.moment2;
      average[j] = element.average;
    }
    store_some<kAll>(c.value + i, value, left);
    store_some<kAll>(c.moment1 + i, moment1, left);
    store_some<kAll>(c.moment2 + i, moment2, left);
    if (c.average != nullptr) store_some<kAll>(c.average + i, average, left);
  }

  NF_DEVICE cpu::AdamWNumbers load_numbers() const {
    constexpr int kNumbers = sizeof(cpu::AdamWNumbers) / sizeof(float);
    float values[kNumbers];
    NF_UNROLL for (int i = 0; i < kNumbers; ++i) {
      const auto* from = reinterpret_cast<const float*>(c.numbers) + i;
      values[i] = bits_as<float>(memory::load<uint32_t>(from));
    }
    cpu::AdamWNumbers numbers;
    memcpy(&numbers, values, sizeof(numbers));
    if (!c.shrinks) numbers.shrink = 1;
    return numbers;
  }

  NF_DEVICE void operator()() const {
    const cpu::AdamWNumbers numbers = load_numbers();
    if (numbers.is_bad != 0) return;
    const int64_t stride = int64_t{ptx::nctaid()} * kBlockThreads * kCount;
    int64_t i = first + (int64_t{ptx::ctaid()} * kBlockThreads + ptx::tid()) * kCount;
    for (; i < last; i += stride) {
      if (kWhole && last - i >= kCount) {
        update_group<kWhole>(i, kCount, numbers);
      } else {
        update_group<false>(i, last - i, numbers);
      }
    }
  }
};

template <class Start>
void start_adamw(const cpu::AdamWCall& call, int64_t first, int64_t last, const Start& start) {
  if (first % 4 == 0 &&
      are_aligned(call.value, call.gradient, call.moment1, call.moment2, call.average)) {
    return start(AdamW<true>{call, first, last});
  }
  start(AdamW<false>{call, first, last});
}

}  // namespace
}  // namespace nextframe
