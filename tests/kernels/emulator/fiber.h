// A fiber: a function that can be left in the middle and resumed there.
#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>

namespace nextframe::emulator {

class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// The next resume() begins at the start of `body`.
  void start(const std::function<void()>& body);
  /// Goes on until the body pauses or ends.
  void resume();
  /// Called by the body.
  void pause();
  bool is_done() const { return is_done_; }

 private:
  static void enter(uint32_t high, uint32_t low);
  void run();
  // Sanitizers are told of every change of stacks.
  void before_switch(void** left, bool to_body);
  void after_switch(void* left, bool in_body);

  std::unique_ptr<char[]> stack_;
  ucontext_t inside_, outside_;
  const std::function<void()>* body_ = nullptr;
  bool is_done_ = true;
  const void* outer_stack_ = nullptr;
  size_t outer_bytes_ = 0;
  void *inner_ = nullptr, *outer_ = nullptr;  // of the thread sanitizer
};

}  // namespace nextframe::emulator
