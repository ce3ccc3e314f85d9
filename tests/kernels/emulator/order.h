// Which accesses of a block are ordered after which: a vector clock for every agent.
//
// Agents are the block's threads, behind them the tensor core of each warp (products that run on
// beside it), and behind those the barriers in memory, which stand for the bulk copies that they
// count. An agent goes on in steps; whoever knows of n steps of an agent comes behind its steps
// 0 .. n - 1. Threads learn from each other at barriers. The asynchronous proxy, which copies in
// bulk and multiplies, sees what threads wrote only behind a fence: so much of a thread's knowledge
// is "fenced".
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace nextframe::emulator {

/// Of every agent the steps that are known; shared until somebody learns more.
class Knowledge {
 public:
  explicit Knowledge(size_t agents = 0)
      : steps_(std::make_shared<const std::vector<uint32_t>>(agents)) {}

  uint32_t of(uint32_t agent) const { return (*steps_)[agent]; }
  /// Everything that the other knows, too.
  void learn(const Knowledge& other);
  void learn(uint32_t agent, uint32_t steps, uint32_t count = 1);  // of `count` neighbours

 private:
  std::shared_ptr<const std::vector<uint32_t>> steps_;
};

/// One agent's access in one of its steps, or that of neighbours together.
struct Trace {
  uint16_t agent = 0, count = 0;
  uint32_t step = 0;
  bool is_asynchronous = false;

  bool is_of(const Trace& other) const { return agent == other.agent && count == other.count; }
  /// Whether all of it is known; `self` knows of its own.
  bool is_known(const Knowledge& known, uint32_t self) const;
};

/// Who acts, and what it comes behind.
struct Moment {
  static constexpr uint32_t kNobody = ~0u;

  Trace trace;
  const Knowledge *known, *fenced;
  uint32_t self;  // thread, or kNobody: a warp together

  bool is_behind(const Trace& before) const { return before.is_known(*known, self); }
  /// For the asynchronous proxy.
  bool is_fenced_behind(const Trace& before) const {
    return before.is_known(before.is_asynchronous ? *known : *fenced, kNobody);
  }
};

}  // namespace nextframe::emulator
