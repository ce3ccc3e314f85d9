#include "trainer/parallel/fsdp.h"

#include <c10/core/Allocator.h>
#include <c10/util/ScopeExit.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "kernels/torch.h"

namespace nextframe {
namespace {

constexpr int64_t kNoBlock = -1;

/// 3 of "blocks.3.mlp_in".
int64_t block_of(std::string_view name) {
  constexpr std::string_view kPrefix = "blocks.";
  if (!name.starts_with(kPrefix)) return kNoBlock;
  int64_t number = kNoBlock;
  const auto digits = name.substr(kPrefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool is_module =
      error == std::errc{} && end != digits.data() + digits.size() && *end == '.';
  return is_module ? number : kNoBlock;
}

std::vector<TensorRange> units_of(const FlatParameters& parameters) {
  std::vector<TensorRange> units;
  int64_t last_block = kNoBlock;
  for (int64_t i = 0; i < static_cast<int64_t>(parameters.layout().size()); ++i) {
    const int64_t block = block_of(parameters.layout()[static_cast<size_t>(i)].name);
    if (units.empty() || block != last_block) units.push_back({i, i});
    units.back().last = i + 1;
    last_block = block;
  }
  return units;
}

void allocate_storage(const at::Tensor& memory, int64_t bytes) {
  auto* storage = memory.storage().unsafeGetStorageImpl();
  storage->set_data_ptr_noswap(storage->allocator()->allocate(static_cast<size_t>(bytes)));
  storage->set_nbytes(static_cast<size_t>(bytes));
}

void free_storage(const at::Tensor& memory) {
  auto* storage = memory.storage().unsafeGetStorageImpl();
  storage->set_data_ptr_noswap(at::DataPtr(nullptr, memory.device()));
  storage->set_nbytes(size_t{0});
}

}  // namespace

FsdpUnits::FsdpUnits(Communicator& world, FlatParameters& parameters, const ChunkOwners& owners,
                     const at::Tensor& packed)
    : packed_(packed), gather_(world, parameters, owners, units_of(parameters)) {
  for (const auto& range : gather_.parts()) {
    const auto& first = parameters.layout()[static_cast<size_t>(range.first)];
    const auto& last = parameters.layout()[static_cast<size_t>(range.last - 1)];
    const int64_t elements = last.offset + last.numel - first.offset;
    memory_.push_back(at::empty({elements}, packed.options()));
    bytes_.push_back(elements * static_cast<int64_t>(sizeof(float)));
    parameters.move_to(range.first, range.last, memory_.back());
    const int64_t block = block_of(first.name);
    is_block_.push_back(block != kNoBlock);
    if (block != kNoBlock) {
      unit_of_block_.resize(std::max(unit_of_block_.size(), static_cast<size_t>(block) + 1));
      unit_of_block_[static_cast<size_t>(block)] = memory_.size() - 1;
    }
    free_storage(memory_.back());
  }
  states_.assign(memory_.size(), State::freed);
  parameters.drop_values();
}

void FsdpUnits::start(size_t unit, const at::Tensor& packed) {
  if (states_[unit] != State::freed) return;
  allocate_storage(memory_[unit], bytes_[unit]);
  held_bytes_ += bytes_[unit];
  peak_bytes_ = std::max(peak_bytes_, held_bytes_);
  states_[unit] = State::gathering;
  gather_.start(unit, packed, ShardPlace::packed, memory_[unit]);
}

void FsdpUnits::gather(size_t unit, const at::Tensor& packed) {
  start(unit, packed);
  if (states_[unit] == State::gathering) gather_.finish(unit);
  states_[unit] = State::full;
}

void FsdpUnits::free(size_t unit) {
  if (states_[unit] == State::freed || keeps_full_) return;
  if (states_[unit] == State::gathering) gather_.finish(unit);
  states_[unit] = State::freed;
  held_bytes_ -= bytes_[unit];
  free_storage(memory_[unit]);
}

void FsdpUnits::begin_grain() {
  for (size_t unit = 0; unit < memory_.size(); ++unit) {
    if (!is_block_[unit]) start(unit, packed_);
  }
  for (size_t unit = 0; unit < memory_.size(); ++unit) {
    if (!is_block_[unit]) gather(unit, packed_);
  }
  if (num_blocks() > 0) start(unit_of_block_.front(), packed_);
}

void FsdpUnits::gather_block(int64_t block, int64_t next) {
  if (keeps_full_) return;
  gather(unit_of_block_[static_cast<size_t>(block)], packed_);
  if (next >= 0 && next < num_blocks()) start(unit_of_block_[static_cast<size_t>(next)], packed_);
}

void FsdpUnits::free_block(int64_t block) { free(unit_of_block_[static_cast<size_t>(block)]); }

void FsdpUnits::free_all() {
  for (size_t unit = 0; unit < memory_.size(); ++unit) free(unit);
}

void FsdpUnits::with_full_parameters(const at::Tensor& packed, const std::function<void()>& body) {
  free_all();
  for (size_t unit = 0; unit < memory_.size(); ++unit) start(unit, packed);
  for (size_t unit = 0; unit < memory_.size(); ++unit) gather(unit, packed);
  keeps_full_ = true;
  const auto end = c10::make_scope_exit([this] {
    keeps_full_ = false;
    free_all();
  });
  body();
}

at::Tensor FsdpRunner::run(int64_t index, const Block& block, const at::Tensor& hidden) {
  units_.gather_block(index, index + 1);
  const bool learns = at::GradMode::is_enabled();
  // The engine runs what came last first, so the hook of a block's input comes after all of its
  // backward, and that of its output before. What no hook frees is freed when the step ends.
  if (learns && hidden.requires_grad() && !hidden.is_leaf()) {
    hidden.register_hook([&units = units_, index](const at::Tensor& gradient) {
      units.free_block(index);
      return gradient;
    });
  }
  const auto result = inner_->run(index, block, hidden);
  if (learns && result.requires_grad()) {
    result.register_hook([&units = units_, index](const at::Tensor& gradient) {
      units.gather_block(index, index - 1);
      return gradient;
    });
  }
  const bool is_last = index + 1 == units_.num_blocks();
  if (!learns || !is_last) units_.free_block(index);  // backward begins with the last one
  return result;
}

}  // namespace nextframe
