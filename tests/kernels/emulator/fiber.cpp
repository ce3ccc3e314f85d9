#include "tests/kernels/emulator/fiber.h"

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace nextframe::emulator {

namespace {
constexpr size_t kStackBytes = 256 << 10;  // sanitized frames are large
}

Fiber::Fiber() : stack_(new char[kStackBytes]) {
#if defined(__SANITIZE_THREAD__)
  inner_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(inner_);
#endif
}

void Fiber::start(const std::function<void()>& body) {
  body_ = &body;
  is_done_ = false;
  getcontext(&inside_);
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);  // makecontext passes ints
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::enter), 2,
              static_cast<uint32_t>(uint64_t{self} >> 32), static_cast<uint32_t>(self));
}

void Fiber::enter(uint32_t high, uint32_t low) {
  reinterpret_cast<Fiber*>(static_cast<uintptr_t>(uint64_t{high} << 32 | low))->run();
}

void Fiber::run() {
  after_switch(nullptr, true);
  (*body_)();
  is_done_ = true;
  before_switch(nullptr, false);
  setcontext(&outside_);
}

void Fiber::resume() {
  void* left = nullptr;
  before_switch(&left, true);
  swapcontext(&outside_, &inside_);
  after_switch(left, false);
}

void Fiber::pause() {
  void* left = nullptr;
  before_switch(&left, false);
  swapcontext(&inside_, &outside_);
  after_switch(left, true);
}

void Fiber::before_switch([[maybe_unused]] void** left, [[maybe_unused]] bool to_body) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(left, to_body ? stack_.get() : outer_stack_,
                                 to_body ? kStackBytes : outer_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  if (to_body) outer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to_body ? inner_ : outer_, 0);
#endif
}

void Fiber::after_switch([[maybe_unused]] void* left, [[maybe_unused]] bool in_body) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(left, in_body ? &outer_stack_ : nullptr,
                                  in_body ? &outer_bytes_ : nullptr);
#endif
}

}  // namespace nextframe::emulator
