// What threads know of each other (tests/kernels/emulator/order.h), and learn where they meet.
#include "tests/kernels/emulator/machine.h"

namespace nextframe::emulator {

Moment Machine::now() {
  return {{static_cast<uint16_t>(running_), 1, steps_[running_ / kLanes]},
          &thread().known,
          &thread().fenced,
          running_};
}

Moment Machine::now_of_warp() {
  const uint32_t warp = running_ / kLanes;
  return {{static_cast<uint16_t>(warp * kLanes), kLanes, steps_[warp]},
          &thread().known,
          &thread().fenced,
          Moment::kNobody};
}

Knowledge Machine::told() {
  Knowledge told = thread().known;
  told.learn(running_, ++steps_[running_ / kLanes]);
  return told;
}

void Machine::fence_for_asynchronous() { thread().fenced.learn(told()); }

void Machine::order(uint32_t first, uint32_t count) {
  Knowledge known = threads_[first].known, fenced = threads_[first].fenced;
  for (uint32_t i = first; i < first + count; ++i) {
    known.learn(threads_[i].known), fenced.learn(threads_[i].fenced);
  }
  for (uint32_t i = first; i < first + count; i += kLanes) {
    known.learn(i, ++steps_[i / kLanes], kLanes);
  }
  for (uint32_t i = first; i < first + count; ++i) {
    threads_[i].known = known, threads_[i].fenced = fenced;
  }
}

}  // namespace nextframe::emulator
