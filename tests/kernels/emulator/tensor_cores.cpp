#include "tests/kernels/emulator/tensor_cores.h"

#include <cstring>
#include <limits>

namespace nextframe::emulator {
namespace {

constexpr float kPoison = std::numeric_limits<float>::quiet_NaN();

/// Calls `act(descriptor's place, row or k, chunk)` with all chunks of the right operand, which is
/// K-major beside a left one in shared memory and MN-major else.
template <class Act>
void for_right(const Product& product, const Act& act) {
  const auto right = OperandDescriptor::of(product.right_descriptor);
  if (product.is_left_in_registers) {
    for (uint32_t k = 0; k < TensorCores::kDepth; ++k) {
      for (uint32_t chunk = 0; chunk < product.blocks; ++chunk) {
        act(right.at_columns(chunk, k), k, chunk);
      }
    }
  } else {
    for (uint32_t row = 0; row < 8 * product.blocks; ++row) {
      for (uint32_t chunk = 0; chunk < 2; ++chunk) act(right.at_rows(row, chunk), row, chunk);
    }
  }
}

}  // namespace

TensorCores::TensorCores(Machine& machine) : machine_(machine), parts_(machine.grid().threads) {}

void TensorCores::start(const Product& product) {
  Part& part = parts_[number()];
  if (!part.is_fenced) machine_.blame("multiplies with no wgmma.fence before");
  take_sums(product, part);
  part.groups.back().push_back(product);
  // Another lane for every product speaks for its warp.
  if (number() % kLanes == part.groups.back().size() % kLanes) expect_operands(product);
}

void TensorCores::take_sums(const Product& product, Part& part) {
  const uint32_t count = 4 * product.blocks;
  Running& running = part.running[product.sums];
  if (running.products++ == 0) {
    running.sums.assign(product.sums, product.sums + count);
  } else {
    for (uint32_t i = 0; i < count; ++i) {
      if (product.sums[i] == product.sums[i]) {
        return machine_.blame("touched the sums of a product before the wait for it");
      }
    }
  }
  std::fill(product.sums, product.sums + count, kPoison);
}

/// They have to be there now, and to stay until the product is over.
void TensorCores::expect_operands(const Product& product) {
  const uint32_t warp = number() / kLanes;
  const Part& part = parts_[number()];
  const auto agent = static_cast<uint16_t>(machine_.agent_of_products(warp));
  const Trace reader{agent, 1, part.done + static_cast<uint32_t>(part.groups.size()) - 1, true};
  const auto moment = machine_.now();
  const auto expect = [&](uint32_t at) {
    machine_.shared().expect_product(at, 16, moment, reader);
  };
  const auto left = OperandDescriptor::of(product.left_descriptor);
  const auto right = OperandDescriptor::of(product.right_descriptor);
  if (left.base_offset != 0 || right.base_offset != 0) {
    return machine_.blame("multiplies by a descriptor with a base offset, which is not emulated");
  }
  for_right(product, [&](uint32_t at, uint32_t, uint32_t) { expect(at); });
  if (product.is_left_in_registers) return;
  for (uint32_t row = warp % 4 * 16; row < warp % 4 * 16 + 16; ++row) {
    for (uint32_t chunk = 0; chunk < 2; ++chunk) expect(left.at_rows(row, chunk));
  }
}

void TensorCores::commit() { parts_[number()].groups.emplace_back(); }

void TensorCores::wait(uint32_t newest) {
  Part& part = parts_[number()];
  part.is_fenced = false;
  const auto committed = static_cast<uint32_t>(part.groups.size()) - 1;
  if (committed <= newest) return;
  const uint32_t first = number() / kGroupThreads * kGroupThreads;
  const uint32_t groups = part.done + committed - newest;
  machine_.wait_until([=, this] { return run_groups(first, groups); });
  machine_.thread().known.learn(machine_.agent_of_products(number() / kLanes), groups);
}

/// Until so many are done; false if some thread has yet to come that far.
bool TensorCores::run_groups(uint32_t first_thread, uint32_t groups) {
  while (parts_[first_thread].done < groups) {
    for (uint32_t i = first_thread; i < first_thread + kGroupThreads; ++i) {
      if (parts_[i].groups.size() < 2) return false;
    }
    run_group(first_thread);
  }
  return true;
}

void TensorCores::run_group(uint32_t first_thread) {
  const auto& firsts = parts_[first_thread].groups.front();
  bool agrees = true;
  for (uint32_t i = first_thread; i < first_thread + kGroupThreads; ++i) {
    const auto& group = parts_[i].groups.front();
    agrees = agrees && group.size() == firsts.size();
    for (size_t p = 0; agrees && p < group.size(); ++p) agrees = group[p].is_of(firsts[p]);
  }
  if (!agrees) machine_.blame("multiplies something else than the rest of its group");
  for (size_t p = 0; agrees && p < firsts.size(); ++p) multiply(first_thread, p);
  for (uint32_t i = first_thread; i < first_thread + kGroupThreads; ++i) {
    parts_[i].groups.pop_front();
    ++parts_[i].done;
  }
}

void TensorCores::read_right(const Product& product, Factors& factors) {
  uint16_t values[8];
  for_right(product, [&](uint32_t at, uint32_t row, uint32_t chunk) {
    machine_.shared().read_for_product(at, values, 16);
    for (uint32_t i = 0; i < 8; ++i) {
      const uint32_t other = 8 * chunk + i;
      const bool is_along = product.is_left_in_registers;
      factors.right[is_along ? row : other][is_along ? other : row] = product.widened(values[i]);
    }
  });
}

void TensorCores::read_left(uint32_t first_thread, size_t number, Factors& factors) {
  const Product& any = parts_[first_thread].groups.front()[number];
  const auto descriptor = OperandDescriptor::of(any.left_descriptor);
  for (uint32_t row = 0; row < kRows; ++row) {
    for (uint32_t chunk = 0; chunk < 2; ++chunk) {
      uint16_t values[8];
      if (!any.is_left_in_registers) {
        machine_.shared().read_for_product(descriptor.at_rows(row, chunk), values, 16);
      }
      for (uint32_t i = 0; any.is_left_in_registers && i < 4; ++i) {
        // A lane's four words: rows r and r + 8, columns c and c + 8, as mma_m16n8k16 has them.
        const uint32_t thread = first_thread + row / 16 * kLanes + row % 8 * 4 + i;
        const uint32_t word = parts_[thread].groups.front()[number].left[row / 8 % 2 + 2 * chunk];
        values[2 * i] = static_cast<uint16_t>(word);
        values[2 * i + 1] = static_cast<uint16_t>(word >> 16);
      }
      for (uint32_t i = 0; i < 8; ++i) factors.left[row][8 * chunk + i] = any.widened(values[i]);
    }
  }
}

void TensorCores::multiply(uint32_t first_thread, size_t number) {
  const Product& any = parts_[first_thread].groups.front()[number];
  Factors factors;
  read_right(any, factors);
  read_left(first_thread, number, factors);
  for (uint32_t row = 0; row < kRows; ++row) {
    float* quad[4];  // sums of the four lanes that share the row
    for (uint32_t i = 0; i < 4; ++i) {
      Part& part = parts_[first_thread + row / 16 * kLanes + row % 8 * 4 + i];
      quad[i] = part.running.at(part.groups.front()[number].sums).sums.data() + row / 8 % 2 * 2;
    }
    const auto value_of = [&](uint32_t n) -> float& { return quad[n % 8 / 2][n / 8 * 4 + n % 2]; };
    const uint32_t columns = 8 * any.blocks;
    float sums[kMostColumns];
    for (uint32_t n = 0; n < columns; ++n) sums[n] = any.adds ? value_of(n) : 0;
    for (uint32_t k = 0; k < kDepth; ++k) {
      for (uint32_t n = 0; n < columns; ++n) sums[n] += factors.left[row][k] * factors.right[k][n];
    }
    for (uint32_t n = 0; n < columns; ++n) value_of(n) = sums[n];
  }
  for (uint32_t i = first_thread; i < first_thread + kGroupThreads; ++i) {
    give_sums(parts_[i], parts_[i].groups.front()[number].sums);
  }
}

/// Back to the thread, once the last product is over that adds to them.
void TensorCores::give_sums(Part& part, float* to) {
  Running& running = part.running.at(to);
  if (--running.products > 0) return;
  std::copy(running.sums.begin(), running.sums.end(), to);
  part.running.erase(to);
}

void TensorCores::check_end() {
  for (const auto& part : parts_) {
    if (part.groups.size() == 1 && part.groups.front().empty()) continue;
    return machine_.blame("ended with products that nobody waited for");
  }
}

}  // namespace nextframe::emulator
