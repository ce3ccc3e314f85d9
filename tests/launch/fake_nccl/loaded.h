// Finds the controls of the fake that a program has loaded as NCCL.
#pragma once

#include <dlfcn.h>

#include "launch/nccl/nccl_library.h"
#include "tests/launch/fake_nccl/control.h"

namespace nextframe {

inline FakeNccl& loaded_fake_nccl() {
  load_nccl();
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_NOLOAD);
  return *reinterpret_cast<FakeNccl* (*)()>(dlsym(library, "fake_nccl_control"))();
}

}  // namespace nextframe
