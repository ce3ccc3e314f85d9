#include "tests/kernels/emulator/phase_barriers.h"

#include <cstring>

namespace nextframe::emulator {
namespace {

constexpr uint32_t kChunk = 16;

TensorBox decoded(const TensorMap& map) {
  TensorBox box;
  static_assert(sizeof(TensorBox) <= sizeof(TensorMap));
  std::memcpy(&box, &map, sizeof(box));
  return box;
}

/// Calls `act` with where each 16 bytes of a box lie in shared memory, from 0, and in the tensor:
/// null outside of it.
template <class Act>
void for_chunks(const TensorBox& box, const int32_t (&place)[5], const Act& act) {
  const uint32_t element = box.is_float ? 4 : 2, row_bytes = box.columns * element;
  bool is_there = true;
  int64_t from = 0;
  for (int d = 2; d < 5; ++d) {
    is_there = is_there && place[d] >= 0 && place[d] < box.sizes[d];
    from += place[d] * box.stride_bytes[d - 1];
  }
  for (uint32_t row = 0; row < box.rows; ++row) {
    const int64_t position = int64_t{place[1]} + row;
    for (uint32_t at = 0; at < row_bytes; at += kChunk) {
      const int64_t column = place[0] + static_cast<int64_t>(at / element);
      const bool is_inside = is_there && position >= 0 && position < box.sizes[1] && column >= 0 &&
                             column + kChunk / element <= box.sizes[0];
      const auto* source = static_cast<const char*>(box.data) + from +
                           position * box.stride_bytes[0] + column * element;
      act(row * row_bytes + at, is_inside ? source : nullptr);
    }
  }
}

/// 128-byte swizzle: PTX ISA, "Swizzling Modes": bits 4-6 of the address by bits 7-9.
uint32_t swizzled(uint32_t at) { return at ^ (at >> 7 & 7) << 4; }

}  // namespace

TensorMap encode(const TensorBox& box) {
  TensorMap map{};
  std::memcpy(&map, &box, sizeof(box));
  return map;
}

void PhaseBarriers::init(uint32_t at, uint32_t count) {
  const uint64_t nothing = 0;
  machine_.shared().write(at, &nothing, 8, machine_.now());
  const auto number = static_cast<uint32_t>(barriers_.size());
  if (number >= kMostPhaseBarriers) return machine_.blame("makes too many barriers in memory");
  const Knowledge none(machine_.agents());
  barriers_[at] = {number, count, count, 0, 0, machine_.now().trace, none, none, none, none};
}

PhaseBarriers::Barrier* PhaseBarriers::find(uint32_t at, const char* what) {
  const auto found = barriers_.find(at);
  const bool is_made = found != barriers_.end() && machine_.now().is_behind(found->second.maker);
  if (!is_made) machine_.blame(std::string(what) + " a barrier in memory before it was made");
  return is_made ? &found->second : nullptr;
}

void PhaseBarriers::end_phase_if_complete(Barrier& barrier) {
  if (barrier.awaited != 0 || barrier.bytes != 0) return;
  barrier.known = barrier.told, barrier.fenced = barrier.told_fenced;
  barrier.known.learn(machine_.agent_of_barrier(barrier.number), ++barrier.phase);
  barrier.awaited = barrier.count;
}

void PhaseBarriers::arrive(uint32_t at, uint32_t expected_bytes) {
  Barrier* barrier = find(at, "arrives at");
  if (barrier == nullptr) return;
  if (barrier->awaited == 0) {
    return machine_.blame("arrives at a barrier in memory where nobody was expected any more");
  }
  barrier->told_fenced.learn(machine_.told_fenced());
  barrier->told.learn(machine_.told());
  barrier->bytes += expected_bytes;
  --barrier->awaited;
  end_phase_if_complete(*barrier);
}

void PhaseBarriers::wait(uint32_t at, uint32_t parity) {
  Barrier* barrier = find(at, "waits at");
  if (barrier == nullptr) return;
  const auto is_over = [=] { return (barrier->phase & 1) != parity; };
  if (!is_over()) machine_.wait_until(is_over);
  machine_.thread().known.learn(barrier->known);
  machine_.thread().fenced.learn(barrier->fenced);
}

void PhaseBarriers::copy(uint32_t to, const TensorMap& map, const int32_t (&place)[5],
                         uint32_t at) {
  Barrier* barrier = find(at, "copies for");
  if (barrier == nullptr) return;
  if (!machine_.now().is_fenced_behind(barrier->maker)) {
    machine_.blame("copies for a barrier in memory with no fence since it was made");
  }
  const TensorBox box = decoded(map);
  if (to % (box.is_swizzled ? 1024 : 128) != 0) machine_.blame("copies to a place not aligned");
  const auto moment = machine_.now();
  for_chunks(box, place, [&](uint32_t offset, const void* from) {
    machine_.shared().expect_bulk_copy(to + offset, kChunk, moment);
    if (from != nullptr) machine_.is_global(from, kChunk, "copies from");
  });
  const std::array<int32_t, 5> kept = {place[0], place[1], place[2], place[3], place[4]};
  machine_.later([this, to, map, kept, at] {
    const int32_t places[5] = {kept[0], kept[1], kept[2], kept[3], kept[4]};
    land(to, map, places, at);
  });
}

void PhaseBarriers::land(uint32_t to, const TensorMap& map, const int32_t (&place)[5],
                         uint32_t at) {
  constexpr char kZeros[kChunk] = {};
  Barrier& barrier = barriers_.at(at);
  const TensorBox box = decoded(map);
  const Trace writer{static_cast<uint16_t>(machine_.agent_of_barrier(barrier.number)), 1,
                     barrier.phase, true};
  for_chunks(box, place, [&](uint32_t offset, const void* from) {
    const uint32_t target = box.is_swizzled ? swizzled(to + offset) : to + offset;
    machine_.shared().land_copy(target, from == nullptr ? kZeros : from, kChunk, writer);
    barrier.bytes -= kChunk;
  });
  end_phase_if_complete(barrier);
}

}  // namespace nextframe::emulator
