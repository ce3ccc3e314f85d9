#include "launch/launcher_environment.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace nextframe {
namespace {

std::optional<int64_t> number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  int64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, value);
  if (error != std::errc() || stop != end || value < 0) return std::nullopt;
  return value;
}

struct Launched {
  int64_t rank = 0;
  int64_t size = 1;
};

Launched launched() {
  // mpirun comes first: inside a Slurm job both sets of variables are there.
  constexpr std::array<std::array<const char*, 2>, 3> kLaunchers = {{
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
      {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
      {"PMI_RANK", "PMI_SIZE"},
  }};
  for (const auto& [rank_variable, size_variable] : kLaunchers) {
    const auto rank = number_of(rank_variable);
    const auto size = number_of(size_variable);
    if (rank && size && *rank < *size) return {*rank, *size};
  }
  // PMIx names no size: enough to know who speaks, and that there is somebody before us.
  const auto rank = number_of("PMIX_RANK");
  return rank ? Launched{*rank, *rank + 1} : Launched{};
}

}  // namespace

int64_t launcher_rank() { return launched().rank; }
int64_t launcher_size() { return launched().size; }

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown host";
}

}  // namespace nextframe
