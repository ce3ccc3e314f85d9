#include "launch/machine_report.h"

#include <dlfcn.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "launch/device.h"

namespace nextframe {
namespace {

bool is_relevant(std::string_view name) {
  constexpr std::array<std::string_view, 14> kPrefixes = {
      "OMP_",  "KMP_",   "MKL_",   "OMPI_",    "PMIX_", "SLURM_", "NCCL_",
      "CUDA_", "CUDNN_", "TORCH_", "PYTORCH_", "HDF5_", "UCX_",   "LD_LIBRARY_PATH"};
  constexpr std::array<std::string_view, 5> kSecrets = {"JWT", "TOKEN", "KEY", "SECRET", "PASS"};
  const auto contained = [&](std::string_view word) { return name.find(word) != name.npos; };
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); }) &&
         std::none_of(kSecrets.begin(), kSecrets.end(), contained);
}

}  // namespace

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  const std::string name(text.data(), static_cast<size_t>(length));
  return name.substr(0, name.find_first_of(",\n"));
}

std::string nccl_library() {
  if (!has_cuda_build()) return "none: built without CUDA";
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return "none: libnccl.so.2 is not found";
  using GetVersion = int (*)(int*);
  const auto get_version = reinterpret_cast<GetVersion>(dlsym(library, "ncclGetVersion"));
  int number = 0;  // 22809 is 2.28.9
  const bool is_known = get_version != nullptr && get_version(&number) == 0;
  dlclose(library);
  if (!is_known) return "unknown";
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100);
}

std::vector<std::pair<std::string, std::string>> relevant_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string::npos && is_relevant(text.substr(0, equals))) {
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  std::sort(variables.begin(), variables.end());
  return variables;
}

}  // namespace nextframe
