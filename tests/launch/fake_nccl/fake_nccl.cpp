// A library with NCCL's names that moves host memory between ranks that are threads of one process.
// A collective runs on the rank's stream once all ranks have come to it, and like NCCL's it waits
// for ever when one does not, until its own communicator is aborted.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/launch/fake_nccl/fake_world.h"

namespace nextframe {

FakeNccl& control() {
  static FakeNccl* const instance = [] {
    auto* made = new FakeNccl;  // threads that were left behind may outlive static objects
    const char* algorithm = std::getenv("NCCL_ALGO");
    made->algorithm = algorithm == nullptr ? "" : algorithm;
    return made;
  }();
  return *instance;
}

namespace {

constexpr auto kInvalidUsage = static_cast<Result>(5);

[[maybe_unused]] const bool loaded = (control(), true);

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
