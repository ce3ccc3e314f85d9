#include "tests/kernels/emulator/machine.h"

#include <algorithm>
#include <array>
#include <set>

#include "tests/kernels/emulator/phase_barriers.h"
#include "tests/kernels/emulator/tensor_cores.h"

namespace nextframe::emulator {
namespace {

constexpr size_t kMaxFaults = 8;
constexpr uint32_t kMostNamedBarriers = 16, kMostRegisters = 65536;
constexpr uint32_t kLongestWait = 24;  // turns of all threads
Machine* running_machine = nullptr;

bool is(const Thread& thread, Thread::State state) { return thread.state == state; }

}  // namespace

Report run(const Grid& grid, const std::vector<Memory>& memory, const std::function<void()>& body) {
  return Machine(grid, memory).run(body);
}

Machine::Machine(const Grid& grid, const std::vector<Memory>& memory)
    : grid_(grid), memory_(memory), threads_(grid.threads), random_(grid.seed) {}
Machine::~Machine() = default;

Machine& Machine::current() { return *running_machine; }

uint32_t Machine::agents() const { return agent_of_barrier(kMostPhaseBarriers); }

Report Machine::run(const std::function<void()>& body) {
  running_machine = this;
  for (block_ = 0; block_ < grid_.blocks && !is_stuck_; ++block_) {
    start_block(body);
    while (resume_all()) {
    }
    if (!is_stuck_) check_end_of_block();
  }
  running_machine = nullptr;
  return report_;
}

void Machine::start_block(const std::function<void()>& body) {
  shared_ = std::make_unique<SharedMemory>(grid_.shared_bytes, grid_.threads,
                                           [this](const std::string& what) { blame(what); });
  phase_barriers_ = std::make_unique<PhaseBarriers>(*this);
  tensor_cores_ = std::make_unique<TensorCores>(*this);
  steps_.assign(grid_.threads / kLanes, 0);
  registers_.assign(grid_.threads / kLanes, 0);
  named_counts_.assign(kMostNamedBarriers, 0);
  const Knowledge nothing(agents());
  for (uint32_t i = 0; i < grid_.threads; ++i) {
    auto& thread = threads_[i];
    thread.number = i;
    thread.state = Thread::State::runs;
    thread.named_barrier = 0;
    thread.copies.assign(1, {});
    thread.accesses.clear();
    thread.known = thread.fenced = nothing;
    thread.fiber.start(body);
  }
}

/// What a block may not leave behind.
void Machine::check_end_of_block() {
  running_ = 0;
  if (!events_.empty()) {
    blame("ended before all of its bulk copies had landed");
    do_events(true);
  }
  tensor_cores_->check_end();
  uint32_t registers = 0;
  for (uint32_t warp = 0; warp < registers_.size(); ++warp) {
    registers += registers_[warp] * kLanes;
    if (registers_[warp] != registers_[warp / 4 * 4]) blame("has registers unlike its warp group");
  }
  if (registers > kMostRegisters) blame("wants more registers than there are");
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
  if (let_waiting_go()) any_went = true;
  if (let_named_go()) any_went = true;
  if (do_events(false)) any_went = true;
  if (any_went || let_block_go()) return true;
  running_ = 0;
  const auto done = [](const Thread& t) { return is(t, Thread::State::is_done); };
  if (std::all_of(threads_.begin(), threads_.end(), done)) return false;
  if (do_events(true)) return true;
  is_stuck_ = true;
  blame("some threads wait at a barrier where others never come");
  return false;
}

bool Machine::let_warp_go(Thread* lanes) {
  const auto waits = [](const Thread& t) { return is(t, Thread::State::waits_for_warp); };
  const Thread* first = std::find_if(lanes, lanes + kLanes, waits);
  if (first == lanes + kLanes) return false;
  const auto comes_later = [](const Thread& t) { return is(t, Thread::State::waits); };
  if (std::any_of(lanes, lanes + kLanes, comes_later)) return false;
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
  const auto waits = [](const Thread& t) {
    return is(t, Thread::State::waits_for_block) && t.named_barrier == 0;
  };
  if (!std::all_of(threads_.begin(), threads_.end(), waits)) return false;
  for (uint32_t first = 0; first < grid_.threads; first += kLanes) {
    count_conflicts(&threads_[first]);
  }
  order(0, grid_.threads);
  for (auto& thread : threads_) thread.state = Thread::State::runs;
  return true;
}

bool Machine::let_waiting_go() {
  bool any_went = false;
  for (running_ = 0; running_ < grid_.threads; ++running_) {
    if (!is(thread(), Thread::State::waits) || !thread().may_go()) continue;
    thread().state = Thread::State::runs;
    any_went = true;
  }
  return any_went;
}

bool Machine::let_named_go() {
  const auto is_named = [](const Thread& t) { return t.named_barrier != 0; };
  if (std::none_of(threads_.begin(), threads_.end(), is_named)) return false;
  bool any_went = false;
  for (uint32_t number = 1; number < kMostNamedBarriers; ++number) {
    std::vector<uint32_t> warps;
    uint32_t came = 0;
    for (const auto& thread : threads_) {
      if (!is(thread, Thread::State::waits_for_block) || thread.named_barrier != number) continue;
      ++came;
      if (warps.empty() || warps.back() != thread.number / kLanes) {
        warps.push_back(thread.number / kLanes);
      }
    }
    if (came == 0 || came < named_counts_[number]) continue;
    if (came > named_counts_[number]) blame("meets more threads at a barrier than it counts");
    Knowledge known = threads_[warps[0] * kLanes].known,
              fenced = threads_[warps[0] * kLanes].fenced;
    for (const uint32_t warp : warps) {
      order(warp * kLanes, kLanes);
      known.learn(threads_[warp * kLanes].known), fenced.learn(threads_[warp * kLanes].fenced);
    }
    for (auto& thread : threads_) {
      if (!is(thread, Thread::State::waits_for_block) || thread.named_barrier != number) continue;
      thread.known = known, thread.fenced = fenced;
      thread.state = Thread::State::runs, thread.named_barrier = 0;
    }
    any_went = true;
  }
  return any_went;
}

/// Those that are due, or all at once if nothing else can go on.
bool Machine::do_events(bool at_once) {
  ++clock_;
  std::vector<Event> due;
  for (size_t i = 0; i < events_.size();) {
    if (!at_once && events_[i].due > clock_) {
      ++i;
      continue;
    }
    due.push_back(std::move(events_[i]));
    events_.erase(events_.begin() + static_cast<int64_t>(i));
  }
  for (const auto& event : due) event.act();
  return !due.empty();
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

void Machine::meet_some(uint32_t number, uint32_t count) {
  if (number == 0 || number >= kMostNamedBarriers || count % kLanes != 0) {
    return blame("meets at a barrier that is not there, or of a part of a warp");
  }
  thread().named_barrier = number;
  named_counts_[number] = count;
  meet_block();
}

void Machine::wait_until(std::function<bool()> may_go) {
  thread().may_go = std::move(may_go);
  thread().state = Thread::State::waits;
  thread().fiber.pause();
}

void Machine::later(std::function<void()> act) {
  events_.push_back({clock_ + 1 + random_() % kLongestWait, std::move(act)});
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
