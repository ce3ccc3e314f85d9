// This file is what kernels have to tell a person: that a call found none and runs in LibTorch's
// operations.
#pragma once

#include <functional>
#include <string>

namespace nextframe {

/// While one lives it is told; of what was noted before at once. One at a time.
class KernelNoteListener {
 public:
  using Tell = std::function<void(const std::string& note)>;

  explicit KernelNoteListener(Tell tell);
  ~KernelNoteListener();
  KernelNoteListener(const KernelNoteListener&) = delete;
  KernelNoteListener& operator=(const KernelNoteListener&) = delete;
};

/// Each text is told once a process. May be called by any thread.
void note_kernel(const std::string& text);

}  // namespace nextframe
