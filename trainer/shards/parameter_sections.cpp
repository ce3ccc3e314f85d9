#include "trainer/shards/parameter_sections.h"

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

std::vector<TensorRange> sections_of(const FlatParameters& parameters) {
  std::vector<TensorRange> sections;
  int64_t last_block = kNoBlock;
  for (int64_t i = 0; i < static_cast<int64_t>(parameters.layout().size()); ++i) {
    const int64_t block = block_of(parameters.layout()[static_cast<size_t>(i)].name);
    if (sections.empty() || block != last_block) sections.push_back({i, i});
    sections.back().last = i + 1;
    last_block = block;
  }
  return sections;
}

void allocate(const at::Tensor& memory, int64_t bytes) {
  auto* storage = memory.storage().unsafeGetStorageImpl();
  storage->set_data_ptr_noswap(storage->allocator()->allocate(static_cast<size_t>(bytes)));
  storage->set_nbytes(static_cast<size_t>(bytes));
}

void free(const at::Tensor& memory) {
  auto* storage = memory.storage().unsafeGetStorageImpl();
  storage->set_data_ptr_noswap(at::DataPtr(nullptr, memory.device()));
  storage->set_nbytes(size_t{0});
}

}  // namespace

ParameterSections::ParameterSections(Communicator& world, FlatParameters& parameters,
                                     const ChunkOwners& owners, const at::Tensor& packed)
    : packed_(packed), gather_(world, parameters, owners, sections_of(parameters)) {
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
      section_of_block_.resize(std::max(section_of_block_.size(), static_cast<size_t>(block) + 1));
      section_of_block_[static_cast<size_t>(block)] = memory_.size() - 1;
    }
    free(memory_.back());
  }
  states_.assign(memory_.size(), State::absent);
  parameters.drop_values();
}

void ParameterSections::start(size_t section, const at::Tensor& packed) {
  if (states_[section] != State::absent) return;
  allocate(memory_[section], bytes_[section]);
  held_bytes_ += bytes_[section];
  peak_bytes_ = std::max(peak_bytes_, held_bytes_);
  states_[section] = State::under_way;
  gather_.start(section, packed, Held::packed, memory_[section]);
}

void ParameterSections::need(size_t section, const at::Tensor& packed) {
  start(section, packed);
  if (states_[section] == State::under_way) gather_.finish(section);
  states_[section] = State::whole;
}

void ParameterSections::release(size_t section) {
  if (states_[section] == State::absent || is_pinned_) return;
  if (states_[section] == State::under_way) gather_.finish(section);
  states_[section] = State::absent;
  held_bytes_ -= bytes_[section];
  free(memory_[section]);
}

void ParameterSections::begin_grain() {
  for (size_t section = 0; section < memory_.size(); ++section) {
    if (!is_block_[section]) start(section, packed_);
  }
  for (size_t section = 0; section < memory_.size(); ++section) {
    if (!is_block_[section]) need(section, packed_);
  }
  if (num_blocks() > 0) start(section_of_block_.front(), packed_);
}

void ParameterSections::need_block(int64_t block, int64_t next) {
  if (is_pinned_) return;
  need(section_of_block_[static_cast<size_t>(block)], packed_);
  if (next >= 0 && next < num_blocks())
    start(section_of_block_[static_cast<size_t>(next)], packed_);
}

void ParameterSections::release_block(int64_t block) {
  release(section_of_block_[static_cast<size_t>(block)]);
}

void ParameterSections::release_all() {
  for (size_t section = 0; section < memory_.size(); ++section) release(section);
}

void ParameterSections::with_whole(const at::Tensor& packed, const std::function<void()>& body) {
  release_all();
  for (size_t section = 0; section < memory_.size(); ++section) start(section, packed);
  for (size_t section = 0; section < memory_.size(); ++section) need(section, packed);
  is_pinned_ = true;
  const auto unpin = c10::make_scope_exit([this] {
    is_pinned_ = false;
    release_all();
  });
  body();
}

}  // namespace nextframe
