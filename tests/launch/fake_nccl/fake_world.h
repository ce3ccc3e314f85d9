// The ranks of the fake NCCL as threads of one process: how they meet, and what a collective does
// with their memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "launch/nccl/nccl_api.h"
#include "tests/launch/fake_nccl/control.h"

namespace nextframe {

using namespace nccl;

constexpr auto kInternalError = static_cast<Result>(3);

/// The library's own.
FakeNccl& control();

struct Message {
  int peer;
  const void* from;
  void* to;
  size_t bytes;
};

/// What a rank brings to a collective.
struct Call {
  std::string name;
  const void* in = nullptr;
  void* out = nullptr;
  size_t count = 0;
  DataType type = kUint8;
  int root = 0;
  std::vector<Message> sent, received;
};

struct FakeComm;

/// What the ranks of one unique id share.
struct FakeWorld {
  explicit FakeWorld(int size) : calls(static_cast<size_t>(size)) {}
  int size() const { return static_cast<int>(calls.size()); }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Call> calls;
  int num_joined = 0, num_arrived = 0;
  int64_t generation = 0;
};

struct FakeComm {
  std::shared_ptr<FakeWorld> world;
  int rank = 0;
  std::atomic<int> polls_left = 0, error = 0, num_calls = 0;
  std::atomic<bool> is_aborted = false;

  /// Waits for all ranks; false when this one was aborted instead.
  bool meet() {
    std::unique_lock lock(world->mutex);
    const int64_t generation = world->generation;
    if (++world->num_arrived == world->size()) {
      world->num_arrived = 0;
      ++world->generation;
      world->changed.notify_all();
      return true;
    }
    world->changed.wait(lock, [&] { return is_aborted || world->generation != generation; });
    return world->generation != generation;
  }
  void hang() {
    std::unique_lock lock(world->mutex);
    world->changed.wait(lock, [&] { return is_aborted.load(); });
  }
};

inline FakeComm& fake(Comm comm) { return **static_cast<std::shared_ptr<FakeComm>*>(comm); }

inline void note(int rank, const std::string& function) {
  const std::lock_guard lock(control().mutex);
  control().calls.push_back(std::to_string(rank) + " " + function);
}

inline Result begin(FakeComm& comm, const std::string& function) {
  note(comm.rank, function);
  comm.polls_left = control().polls_in_progress;
  return control().polls_in_progress > 0 ? kInProgress : kSuccess;
}

inline size_t bytes_of(DataType type) {
  return type == kUint8 ? 1 : type == kBfloat16 ? 2 : type == kFloat32 ? 4 : 8;
}

template <class Value>
void add_values(const void* from, void* into, size_t count) {
  const auto* values = static_cast<const Value*>(from);
  auto* sums = static_cast<Value*>(into);
  for (size_t i = 0; i < count; ++i) sums[i] = static_cast<Value>(sums[i] + values[i]);
}

inline float widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Exact where the sum is a bfloat16, which is all that tests ask for.
inline void add_bfloat16(const void* from, void* into, size_t count) {
  const auto* values = static_cast<const uint16_t*>(from);
  auto* sums = static_cast<uint16_t*>(into);
  for (size_t i = 0; i < count; ++i) {
    const float sum = widen(sums[i]) + widen(values[i]);
    uint32_t bits = 0;
    std::memcpy(&bits, &sum, sizeof(bits));
    sums[i] = static_cast<uint16_t>(bits >> 16);
  }
}

inline void add(DataType type, const void* from, void* into, size_t count) {
  if (type == kUint8) add_values<uint8_t>(from, into, count);
  if (type == kInt64) add_values<int64_t>(from, into, count);
  if (type == kFloat32) add_values<float>(from, into, count);
  if (type == kFloat64) add_values<double>(from, into, count);
  if (type == kBfloat16) add_bfloat16(from, into, count);
}

inline const void* shifted(const void* base, size_t bytes) {
  return static_cast<const char*>(base) + bytes;
}

/// `call.count` values from `first` on, summed over ranks.
inline std::vector<char> sum(const FakeWorld& world, const Call& call, size_t first) {
  const size_t bytes = call.count * bytes_of(call.type), from = first * bytes_of(call.type);
  std::vector<char> sums(bytes);
  std::memcpy(sums.data(), shifted(world.calls.front().in, from), bytes);
  for (size_t rank = 1; rank < world.calls.size(); ++rank)
    add(call.type, shifted(world.calls[rank].in, from), sums.data(), call.count);
  return sums;
}

inline void gather(const FakeWorld& world, const Call& call) {
  const size_t bytes = call.count * bytes_of(call.type);
  for (size_t rank = 0; rank < world.calls.size(); ++rank)
    std::memmove(static_cast<char*>(call.out) + rank * bytes, world.calls[rank].in, bytes);
}

inline void receive(const FakeWorld& world, const Call& call, int own_rank) {
  std::map<int, size_t> next;  // of each sender's messages
  for (const auto& wanted : call.received) {
    const auto& sent = world.calls[static_cast<size_t>(wanted.peer)].sent;
    auto& at = next[wanted.peer];
    while (at < sent.size() && sent[at].peer != own_rank) ++at;
    if (at < sent.size()) std::memcpy(wanted.to, sent[at++].from, wanted.bytes);
  }
}

/// Between two meetings, when every rank's call is there to be read.
inline std::vector<char> read(const FakeWorld& world, const Call& call, int rank) {
  if (call.name == "ncclAllReduce") return sum(world, call, 0);
  if (call.name == "ncclReduceScatter")
    return sum(world, call, static_cast<size_t>(rank) * call.count);
  if (call.name == "ncclAllGather") gather(world, call);
  if (call.name == "ncclBroadcast" && rank != call.root) {
    std::memcpy(call.out, world.calls[static_cast<size_t>(call.root)].in,
                call.count * bytes_of(call.type));
  }
  receive(world, call, rank);
  return {};
}

inline bool is_same(const Call& one, const Call& other) {
  return one.name == other.name && one.count == other.count && one.type == other.type;
}

inline void run(const std::shared_ptr<FakeComm>& comm, const Call& call, int number) {
  if (comm->rank == control().failing_rank && number == control().failing_collective) {
    comm->error = control().failure;
    return comm->hang();
  }
  auto& world = *comm->world;
  {
    const std::lock_guard lock(world.mutex);
    world.calls[static_cast<size_t>(comm->rank)] = call;
  }
  if (!comm->meet()) return;
  for (const auto& other : world.calls) {
    if (!is_same(call, other)) {
      comm->error = kInternalError;
      return comm->hang();
    }
  }
  const auto result = read(world, call, comm->rank);
  if (!comm->meet()) return;
  if (!result.empty()) std::memcpy(call.out, result.data(), result.size());
}

inline Result enqueue(Comm comm, Stream stream, Call call) {
  const auto shared = *static_cast<std::shared_ptr<FakeComm>*>(comm);
  const auto result = begin(*shared, call.name);
  const int number = shared->num_calls++;
  static_cast<HostStream*>(stream)->enqueue(
      [shared, number, call = std::move(call)] { run(shared, call, number); });
  return result;
}

}  // namespace nextframe
