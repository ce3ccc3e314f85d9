#include "tests/kernels/emulator/machine.h"

#include <algorithm>
#include <array>
#include <set>

namespace nextframe::emulator {
namespace {

constexpr size_t kMaxFaults = 8;
Machine* running_machine = nullptr;

bool is(const Thread& thread, Thread::State state) { return thread.state == state; }

}  // namespace

Report run(const Grid& grid, const std::vector<Memory>& memory, const std::function<void()>& body) {
  return Machine(grid, memory).run(body);
}

Machine::Machine(const Grid& grid, const std::vector<Memory>& memory)
    : grid_(grid), memory_(memory), threads_(grid.threads), warp_barriers_(grid.threads / kLanes) {}

Machine& Machine::current() { return *running_machine; }

Report Machine::run(const std::function<void()>& body) {
  running_machine = this;
  for (block_ = 0; block_ < grid_.blocks && !is_stuck_; ++block_) run_block(body);
  running_machine = nullptr;
  return report_;
}

void Machine::run_block(const std::function<void()>& body) {
  shared_ = std::make_unique<SharedMemory>(grid_.shared_bytes,
                                           [this](const std::string& what) { blame(what); });
  for (uint32_t i = 0; i < grid_.threads; ++i) {
    threads_[i].number = i;
    threads_[i].state = Thread::State::runs;
    threads_[i].copies.assign(1, {});
    threads_[i].accesses.clear();
    threads_[i].fiber.start(body);
  }
  while (resume_all()) {
  }
}

/// Runs every thread until it waits, then lets go who has met. False when all is done or stuck.
bool Machine::resume_all() {
  for (running_ = 0; running_ < grid_.threads; ++running_) {
    if (!is(thread(), Thread::State::runs)) continue;
    thread().fiber.resume();
    if (thread().fiber.is_done()) thread().state = Thread::State::is_done;
  }
  bool any_went = false;
  for (uint32_t first = 0; first < grid_.threads; first += kLanes) {
    running_ = first;
    if (let_warp_go(&threads_[first])) any_went = true;
    if (is_stuck_) return false;
  }
  if (any_went || let_block_go()) return true;
  running_ = 0;
  const auto done = [](const Thread& t) { return is(t, Thread::State::is_done); };
  is_stuck_ = !std::all_of(threads_.begin(), threads_.end(), done);
  if (is_stuck_) blame("some threads wait at a barrier where others never come");
  return false;
}

bool Machine::let_warp_go(Thread* lanes) {
  const auto waits = [](const Thread& t) { return is(t, Thread::State::waits_for_warp); };
  const Thread* first = std::find_if(lanes, lanes + kLanes, waits);
  if (first == lanes + kLanes) return false;
  for (const Thread* lane = lanes; lane != lanes + kLanes; ++lane) {
    if (waits(*lane) && lane->instruction == first->instruction) continue;
    running_ = lane->number;
    blame(std::string("is not with its warp at ") + first->instruction_name +
          (waits(*lane) ? std::string(" but at ") + lane->instruction_name : std::string()));
    is_stuck_ = true;
    return false;
  }
  first->instruction(*this, lanes);
  count_conflicts(lanes);
  for (Thread* lane = lanes; lane != lanes + kLanes; ++lane) lane->state = Thread::State::runs;
  return true;
}

bool Machine::let_block_go() {
  const auto waits = [](const Thread& t) { return is(t, Thread::State::waits_for_block); };
  if (!std::all_of(threads_.begin(), threads_.end(), waits)) return false;
  for (uint32_t first = 0; first < grid_.threads; first += kLanes) {
    count_conflicts(&threads_[first]);
  }
  ++block_barriers_;
  for (auto& thread : threads_) thread.state = Thread::State::runs;
  return true;
}

void Machine::meet(const char* name, void (*instruction)(Machine&, Thread* lanes)) {
  thread().state = Thread::State::waits_for_warp;
  thread().instruction = instruction;
  thread().instruction_name = name;
  thread().fiber.pause();
}

void Machine::meet_block() {
  thread().state = Thread::State::waits_for_block;
  thread().fiber.pause();
}

Moment Machine::now() const {
  const auto warp = running_ / kLanes;
  return {static_cast<int32_t>(running_), static_cast<int32_t>(warp), warp_barriers_[warp],
          block_barriers_};
}

Moment Machine::now_of_warp() const {
  Moment moment = now();
  moment.thread = Moment::kSeveral;
  return moment;
}

bool Machine::is_global(const void* at, int64_t bytes, const char* what) {
  const auto address = reinterpret_cast<uintptr_t>(at);
  const auto holds = [&](const Memory& m) {
    const auto begin = reinterpret_cast<uintptr_t>(m.begin);
    return address >= begin &&
           address + static_cast<uintptr_t>(bytes) <= begin + static_cast<uintptr_t>(m.bytes);
  };
  const bool is_aligned = address % static_cast<uintptr_t>(bytes) == 0;
  if (is_aligned && std::any_of(memory_.begin(), memory_.end(), holds)) return true;
  blame(std::string(what) + (is_aligned ? " global memory out of bounds"
                                        : " global memory at a place that is not aligned"));
  return false;
}

/// Lanes run in step: the i-th access of each since they last met is one instruction. Accesses of
/// 4, 8 and 16 bytes are served 32, 16 and 8 lanes at a time.
void Machine::count_conflicts(Thread* lanes) {
  size_t longest = 0;
  for (uint32_t i = 0; i < kLanes; ++i) longest = std::max(longest, lanes[i].accesses.size());
  for (size_t access = 0; access < longest; ++access) {
    ++report_.shared_accesses;
    std::vector<Thread::Access> together;
    for (uint32_t i = 0; i < kLanes; ++i) {
      if (access >= lanes[i].accesses.size()) continue;
      together.push_back(lanes[i].accesses[access]);
      if ((i + 1) % (128 / together.back().bytes) == 0) {
        count_phase(together);
        together.clear();
      }
    }
    if (!together.empty()) count_phase(together);
  }
  for (uint32_t i = 0; i < kLanes; ++i) lanes[i].accesses.clear();
}

/// A bank gives one word of 4 bytes a turn, to all who want that word.
void Machine::count_phase(const std::vector<Thread::Access>& together) {
  std::array<std::set<uint32_t>, 32> words;
  for (const auto& access : together) {
    for (uint32_t at = access.at; at < access.at + access.bytes; at += 4) {
      words[at / 4 % 32].insert(at / 4);
    }
  }
  size_t turns = 1;
  for (const auto& bank : words) turns = std::max(turns, bank.size());
  report_.bank_conflicts += static_cast<int64_t>(turns) - 1;
}

void Machine::blame(const std::string& what) {
  if (report_.faults.size() >= kMaxFaults) return;
  report_.faults.push_back("block " + std::to_string(block_) + ", thread " +
                           std::to_string(running_) + " " + what);
}

}  // namespace nextframe::emulator
