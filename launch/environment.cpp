#include "launch/environment.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ctime>
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

std::string environment_text(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

/// A shell that outlives its job, as in tmux, keeps the variables of that job.
void read_job_end(LauncherEnvironment& result) {
  const auto end = environment_number("SLURM_JOB_END_TIME");
  if (!end) return;
  const auto in_s = static_cast<double>(*end) - static_cast<double>(std::time(nullptr));
  if (result.is_slurm_job && in_s > 0) {
    result.job_ends_in_s = in_s;
    return;
  }
  result.unheeded =
      "SLURM_JOB_END_TIME is not heeded: " +
      std::string(result.is_slurm_job ? "that time is over" : "there is no SLURM_JOB_ID");
}

}  // namespace

LauncherEnvironment read_launcher_environment() {
  LauncherEnvironment result;
  result.is_mpirun = environment_number("OMPI_COMM_WORLD_SIZE").has_value();
  result.local_size = environment_number("OMPI_COMM_WORLD_LOCAL_SIZE").value_or(1);
  result.slurm_tasks = environment_number("SLURM_NTASKS").value_or(1);
  result.is_slurm_job = environment_number("SLURM_JOB_ID").has_value();
  const auto start = environment_text("PMIX_NAMESPACE");
  if (!start.empty()) result.job = start + "." + environment_text("SLURM_RESTART_COUNT");
  result.slurm_nodes = environment_text("SLURM_JOB_NODELIST");
  result.slurm_tasks_per_node = environment_text("SLURM_TASKS_PER_NODE");
  result.supervisor = environment_text(kSupervisorVariable);
  read_job_end(result);
  // mpirun comes first: inside a Slurm job both sets of variables are there. PMIx names no size.
  constexpr const char* kLaunchers[][3] = {
      {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"},
      {"PMIX_RANK", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS"},
      {"PMI_RANK", "SLURM_LOCALID", "PMI_SIZE"}};
  for (const auto& [rank_variable, local_variable, size_variable] : kLaunchers) {
    if (const auto rank = environment_number(rank_variable)) {
      result.has_mpi_launcher = true;
      result.rank = *rank;
      result.local_rank = environment_number(local_variable).value_or(*rank);
      result.size = std::max(environment_number(size_variable).value_or(1), *rank + 1);
      break;
    }
  }
  return result;
}

int64_t test_ranks_per_node() {
  return std::max<int64_t>(environment_number("NEXTFRAME_TEST_RANKS_PER_NODE").value_or(0), 0);
}

std::map<std::string, std::string> numerics_variables() {
  // What cudnn-frontend 1.32 reads.
  constexpr const char* kNames[] = {"CUDNN_ERRATA_JSON_FILE",
                                    "CUDNN_FRONTEND_ATTN_DP_WORKSPACE_LIMIT"};
  std::map<std::string, std::string> found;
  for (const char* name : kNames) {
    if (const char* text = std::getenv(name)) found[name] = text;
  }
  return found;
}

std::string host_name() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "unknown-host";
  return name;
}

}  // namespace nextframe
