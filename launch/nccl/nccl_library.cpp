#include "launch/nccl/nccl_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "launch/environment.h"
#include "launch/error.h"

namespace nextframe {
namespace {

constexpr const char* kLibrary = "libnccl.so.2";
constexpr const char* kRemedy =
    "; install the wheel nvidia-nccl-cu13 beside torch, or name its folder in LD_LIBRARY_PATH";

template <class Function>
void find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function != nullptr) return;
  throw EnvironmentError(host_name() + ": " + kLibrary + " has no " + name + kRemedy);
}

std::string version_text(int version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace

NcclLibrary load_nccl() {
  pin_nccl_sums();
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw EnvironmentError(host_name() + ": several GPUs need NCCL: " + dlerror() + kRemedy);
  }
  NcclLibrary nccl{};
  find(library, "ncclGetVersion", nccl.GetVersion);
  int version = 0;
  nccl.GetVersion(&version);
  if (version < nccl::kVersion) {
    throw EnvironmentError(host_name() + ": NCCL " + version_text(version) + " was found, " +
                           version_text(nccl::kVersion) + " or newer is needed" + kRemedy);
  }
  find(library, "ncclGetUniqueId", nccl.GetUniqueId);
  find(library, "ncclCommInitRankConfig", nccl.CommInitRankConfig);
  find(library, "ncclCommGetAsyncError", nccl.CommGetAsyncError);
  find(library, "ncclCommFinalize", nccl.CommFinalize);
  find(library, "ncclCommDestroy", nccl.CommDestroy);
  find(library, "ncclCommAbort", nccl.CommAbort);
  find(library, "ncclGetErrorString", nccl.GetErrorString);
  find(library, "ncclGetLastError", nccl.GetLastError);
  find(library, "ncclAllReduce", nccl.AllReduce);
  find(library, "ncclReduceScatter", nccl.ReduceScatter);
  find(library, "ncclAllGather", nccl.AllGather);
  find(library, "ncclBroadcast", nccl.Broadcast);
  find(library, "ncclSend", nccl.Send);
  find(library, "ncclRecv", nccl.Recv);
  find(library, "ncclGroupStart", nccl.GroupStart);
  find(library, "ncclGroupEnd", nccl.GroupEnd);
  return nccl;
}

void pin_nccl_sums() {
  constexpr const char* kPinned[][2] = {{"NCCL_ALGO", "Ring"},
                                        {"NCCL_PROTO", "Simple"},
                                        {"NCCL_NVLS_ENABLE", "0"},
                                        {"NCCL_MIN_CTAS", "16"},
                                        {"NCCL_MAX_CTAS", "16"}};
  for (const auto& [name, value] : kPinned) setenv(name, value, 0);
}

}  // namespace nextframe
