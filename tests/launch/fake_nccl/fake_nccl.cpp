// A library with NCCL's names that moves host memory between ranks that are threads of one process.
// A collective runs on the rank's stream once all ranks have come to it, and like NCCL's it waits
// for ever when one does not, until its own communicator is aborted.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <thread>

#include "launch/nccl/nccl_api.h"
#include "tests/launch/fake_nccl/control.h"

namespace nextframe {
namespace {

using namespace nccl;

constexpr auto kInternalError = static_cast<Result>(3);
constexpr auto kInvalidUsage = static_cast<Result>(5);

FakeNccl& control() {
  static FakeNccl* const instance = [] {
    auto* made = new FakeNccl;  // threads that were left behind may outlive static objects
    const char* algorithm = std::getenv("NCCL_ALGO");
    made->algorithm = algorithm == nullptr ? "" : algorithm;
    return made;
  }();
  return *instance;
}
[[maybe_unused]] const bool loaded = (control(), true);

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

FakeComm& fake(Comm comm) { return **static_cast<std::shared_ptr<FakeComm>*>(comm); }

void note(int rank, const std::string& function) {
  const std::lock_guard lock(control().mutex);
  control().calls.push_back(std::to_string(rank) + " " + function);
}

Result begin(FakeComm& comm, const std::string& function) {
  note(comm.rank, function);
  comm.polls_left = control().polls_in_progress;
  return control().polls_in_progress > 0 ? kInProgress : kSuccess;
}

size_t bytes_of(DataType type) {
  return type == kUint8 ? 1 : type == kBfloat16 ? 2 : type == kFloat32 ? 4 : 8;
}

template <class Value>
void add_values(const void* from, void* into, size_t count) {
  const auto* values = static_cast<const Value*>(from);
  auto* sums = static_cast<Value*>(into);
  for (size_t i = 0; i < count; ++i) sums[i] = static_cast<Value>(sums[i] + values[i]);
}

float widen(uint16_t bits) {
  const uint32_t wide = static_cast<uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Exact where the sum is a bfloat16, which is all that tests ask for.
void add_bfloat16(const void* from, void* into, size_t count) {
  const auto* values = static_cast<const uint16_t*>(from);
  auto* sums = static_cast<uint16_t*>(into);
  for (size_t i = 0; i < count; ++i) {
    const float sum = widen(sums[i]) + widen(values[i]);
    uint32_t bits = 0;
    std::memcpy(&bits, &sum, sizeof(bits));
    sums[i] = static_cast<uint16_t>(bits >> 16);
  }
}

void add(DataType type, const void* from, void* into, size_t count) {
  if (type == kUint8) add_values<uint8_t>(from, into, count);
  if (type == kInt64) add_values<int64_t>(from, into, count);
  if (type == kFloat32) add_values<float>(from, into, count);
  if (type == kFloat64) add_values<double>(from, into, count);
  if (type == kBfloat16) add_bfloat16(from, into, count);
}

const void* shifted(const void* base, size_t bytes) {
  return static_cast<const char*>(base) + bytes;
}

/// `call.count` values from `first` on, summed over ranks.
std::vector<char> sum(const FakeWorld& world, const Call& call, size_t first) {
  const size_t bytes = call.count * bytes_of(call.type), from = first * bytes_of(call.type);
  std::vector<char> sums(bytes);
  std::memcpy(sums.data(), shifted(world.calls.front().in, from), bytes);
  for (size_t rank = 1; rank < world.calls.size(); ++rank)
    add(call.type, shifted(world.calls[rank].in, from), sums.data(), call.count);
  return sums;
}

void gather(const FakeWorld& world, const Call& call) {
  const size_t bytes = call.count * bytes_of(call.type);
  for (size_t rank = 0; rank < world.calls.size(); ++rank)
    std::memmove(static_cast<char*>(call.out) + rank * bytes, world.calls[rank].in, bytes);
}

void receive(const FakeWorld& world, const Call& call, int own_rank) {
  std::map<int, size_t> next;  // of each sender's messages
  for (const auto& wanted : call.received) {
    const auto& sent = world.calls[static_cast<size_t>(wanted.peer)].sent;
    auto& at = next[wanted.peer];
    while (at < sent.size() && sent[at].peer != own_rank) ++at;
    if (at < sent.size()) std::memcpy(wanted.to, sent[at++].from, wanted.bytes);
  }
}

/// Between two meetings, when every rank's call is there to be read.
std::vector<char> read(const FakeWorld& world, const Call& call, int rank) {
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

bool is_same(const Call& one, const Call& other) {
  return one.name == other.name && one.count == other.count && one.type == other.type;
}

void run(const std::shared_ptr<FakeComm>& comm, const Call& call, int number) {
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

Result enqueue(Comm comm, Stream stream, Call call) {
  const auto shared = *static_cast<std::shared_ptr<FakeComm>*>(comm);
  const auto result = begin(*shared, call.name);
  const int number = shared->num_calls++;
  static_cast<HostStream*>(stream)->enqueue(
      [shared, number, call = std::move(call)] { run(shared, call, number); });
  return result;
}

/// Sends and receives between ncclGroupStart and ncclGroupEnd of this thread.
struct Group {
  bool is_open = false;
  Comm comm = nullptr;
  Stream stream = nullptr;
  Call call;
};
thread_local Group group;

std::map<std::string, std::weak_ptr<FakeWorld>>& worlds() {
  static auto* const all = new std::map<std::string, std::weak_ptr<FakeWorld>>;
  return *all;
}

std::shared_ptr<FakeWorld> find_world(const UniqueId& id, int size) {
  const std::lock_guard lock(control().mutex);
  auto& known = worlds()[std::string(id.internal)];
  auto world = known.lock();
  if (world == nullptr) known = world = std::make_shared<FakeWorld>(size);
  return world;
}

}  // namespace
}  // namespace nextframe

using namespace nextframe;
using namespace nextframe::nccl;

extern "C" {

FakeNccl* fake_nccl_control() { return &control(); }

Result ncclGetVersion(int* version) {
  *version = control().version == 0 ? kVersion : control().version;
  return kSuccess;
}

Result ncclGetUniqueId(UniqueId* id) {
  static std::atomic<int> next = 0;
  note(0, "ncclGetUniqueId");
  *id = {};
  std::snprintf(id->internal, sizeof(id->internal), "world %d", next++);
  return kSuccess;
}

Result ncclCommInitRankConfig(Comm* comm, int size, UniqueId id, int rank, Config* config) {
  if (config->blocking != 0 || config->magic != 0xcafebeef) return kInvalidUsage;
  const auto made = std::make_shared<FakeComm>();
  made->world = find_world(id, size);
  made->rank = rank;
  {
    const std::lock_guard lock(made->world->mutex);
    ++made->world->num_joined;
  }
  *comm = new std::shared_ptr<FakeComm>(made);
  begin(*made, "ncclCommInitRankConfig");
  return kInProgress;
}

Result ncclCommGetAsyncError(Comm comm, Result* error) {
  auto& asked = fake(comm);
  const std::lock_guard lock(asked.world->mutex);
  const bool waits = asked.world->num_joined < asked.world->size();
  *error = asked.error != 0                             ? static_cast<Result>(asked.error.load())
           : waits || asked.polls_left.fetch_sub(1) > 0 ? kInProgress
                                                        : kSuccess;
  return kSuccess;
}

Result ncclCommFinalize(Comm comm) { return begin(fake(comm), "ncclCommFinalize"); }

Result ncclCommDestroy(Comm comm) {
  note(fake(comm).rank, "ncclCommDestroy");
  delete static_cast<std::shared_ptr<FakeComm>*>(comm);
  return kSuccess;
}

Result ncclCommAbort(Comm comm) {
  const auto kept = *static_cast<std::shared_ptr<FakeComm>*>(comm);
  note(kept->rank, "ncclCommAbort");
  std::this_thread::sleep_for(std::chrono::duration<double>(control().abort_takes_s));
  {
    const std::lock_guard lock(kept->world->mutex);
    kept->is_aborted = true;
  }
  kept->world->changed.notify_all();
  delete static_cast<std::shared_ptr<FakeComm>*>(comm);
  return kSuccess;
}

const char* ncclGetErrorString(Result result) {
  return result == 6 ? "remote process exited" : "another error";
}

const char* ncclGetLastError(Comm) { return "the fake's last words"; }

Result ncclAllReduce(const void* in, void* out, size_t count, DataType type, Operation, Comm comm,
                     Stream stream) {
  return enqueue(comm, stream, {"ncclAllReduce", in, out, count, type, 0, {}, {}});
}

Result ncclReduceScatter(const void* in, void* out, size_t count, DataType type, Operation,
                         Comm comm, Stream stream) {
  return enqueue(comm, stream, {"ncclReduceScatter", in, out, count, type, 0, {}, {}});
}

Result ncclAllGather(const void* in, void* out, size_t count, DataType type, Comm comm,
                     Stream stream) {
  return enqueue(comm, stream, {"ncclAllGather", in, out, count, type, 0, {}, {}});
}

Result ncclBroadcast(const void* in, void* out, size_t count, DataType type, int root, Comm comm,
                     Stream stream) {
  return enqueue(comm, stream, {"ncclBroadcast", in, out, count, type, root, {}, {}});
}

Result ncclGroupStart() {
  group = {};
  group.is_open = true;
  return kSuccess;
}

Result ncclSend(const void* in, size_t count, DataType type, int peer, Comm comm, Stream stream) {
  if (!group.is_open) return kInvalidUsage;
  group.comm = comm, group.stream = stream;
  group.call.sent.push_back({peer, in, nullptr, count * bytes_of(type)});
  return kSuccess;
}

Result ncclRecv(void* out, size_t count, DataType type, int peer, Comm comm, Stream stream) {
  if (!group.is_open) return kInvalidUsage;
  group.comm = comm, group.stream = stream;
  group.call.received.push_back({peer, nullptr, out, count * bytes_of(type)});
  return kSuccess;
}

Result ncclGroupEnd() {
  auto ended = std::move(group);
  group = {};
  if (!ended.is_open) return kInvalidUsage;
  if (ended.comm == nullptr) return kSuccess;
  ended.call.name = "ncclGroup";
  return enqueue(ended.comm, ended.stream, std::move(ended.call));
}

}  // extern "C"
