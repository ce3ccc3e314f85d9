// Warnings of kernels for the user: that a call has no kernel and runs in LibTorch's operations.
#pragma once

#include <functional>
#include <string>

namespace nextframe {

/// While one lives it is told; of what was noted before at once. One at a time.
class KernelWarningListener {
 public:
  using Tell = std::function<void(const std::string& note)>;

  explicit KernelWarningListener(Tell tell);
  ~KernelWarningListener();
  KernelWarningListener(const KernelWarningListener&) = delete;
  KernelWarningListener& operator=(const KernelWarningListener&) = delete;
};

/// Each text is told once a process. May be called by any thread.
void warn_once_of_kernel(const std::string& text);

}  // namespace nextframe
