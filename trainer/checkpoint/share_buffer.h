// This file is the memory in which a share waits to be written while the state goes on changing.
#pragma once

#include "trainer/checkpoint/share.h"

namespace nextframe {

/// Used again for every share, so that only the first one has to ask the system for memory.
class ShareBuffer {
 public:
  /// The same chunks, with values that nobody changes until the next call. Copies what is in the
  /// state's own memory; what came from a GPU is a copy already.
  Share hold(Share share);

 private:
  at::Tensor buffer_;
};

}  // namespace nextframe
