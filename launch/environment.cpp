#include "launch/environment.h"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace nextframe {
namespace {

std::optional<int64_t> environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

LauncherEnvironment read_launcher_environment() {
  LauncherEnvironment result;
  result.is_mpirun = environment_number("OMPI_COMM_WORLD_SIZE").has_value();
  result.slurm_tasks = environment_number("SLURM_NTASKS").value_or(1);
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}) {
    if (const auto rank = environment_number(name)) {
      result.has_mpi_launcher = true;
      result.rank = *rank;
      break;
    }
  }
  return result;
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "unknown-host";
  return name;
}

}  // namespace nextframe
