// Warnings of kernels for the user: that a call has no kernel and runs in LibTorch's operations.
#pragma once

#include <functional>
#include <string>

namespace nextframe {

/// Gets every warning while it lives, and earlier ones at once. Only one may exist at a time.
class KernelWarningListener {
 public:
  using Tell = std::function<void(const std::string& note)>;

  explicit KernelWarningListener(Tell tell);
  ~KernelWarningListener();
  KernelWarningListener(const KernelWarningListener&) = delete;
  KernelWarningListener& operator=(const KernelWarningListener&) = delete;
};

/// Emits each text once in a process. Thread-safe.
void warn_once_of_kernel(const std::string& text);

}  // namespace nextframe
