#include "launch/mpi/mpi_session.h"

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <thread>

#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/openmpi_needs.h"
#include "launch/rendezvous.h"

namespace nextframe {
namespace {

constexpr double kMostPatience_s = 300;  // for ranks that have not come
constexpr auto kAbortLimit = std::chrono::seconds(5);

bool mpi_is_running() {
  int is_started = 0, is_finished = 0;
  MPI_Initialized(&is_started);
  MPI_Finalized(&is_finished);
  return is_started != 0 && is_finished == 0;
}

/// OpenMPI 4 would fail to map its segments, and say so in many words for each rank.
void avoid_small_shared_memory(int64_t num_local_ranks) {
  if (is_mca_set("btl") || shared_memory_problem(num_local_ranks).empty()) return;
  setenv("OMPI_MCA_btl", "^vader", 1);
}

void start_mpi(int64_t num_local_ranks) {
  avoid_small_shared_memory(num_local_ranks);
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
  if (provided == MPI_THREAD_MULTIPLE) return;
  MPI_Finalize();
  throw EnvironmentError(host_name() + ": this MPI library gives thread level " +
                         std::to_string(provided) + ", MPI_THREAD_MULTIPLE is needed; " +
                         "use an OpenMPI built with thread support (Debian's is)");
}

/// The main thread is inside of MPI_Init and stays there.
void end_incomplete_start(const std::string& text) {
  constexpr int kHang = 86;  // trainer/exit_code.h
  if (!text.empty()) std::fprintf(stderr, "%s: %s\n", process_name().c_str(), text.c_str());
  std::fflush(nullptr);
  _exit(kHang);
}

void refuse_lonely_slurm_task(int64_t slurm_tasks) {
  throw EnvironmentError(
      host_name() + ": SLURM_NTASKS is " + std::to_string(slurm_tasks) +
      " but this process is alone in its world, so every task would train its own copy; start with "
      "'srun --mpi=pmix nextframe ...' or 'mpirun nextframe ...', or run 'unset SLURM_NTASKS' "
      "first "
      "if one process is meant");
}

}  // namespace

MpiSession::MpiSession(const SessionOptions& options)
    : exceptions_at_start_(std::uncaught_exceptions()) {
  const auto environment = read_launcher_environment();
  int size = 1;
  if (environment.has_mpi_launcher) {
    std::optional<RendezvousWatch> arrivals;
    if (!options.run.empty()) {
      const auto limit_ms = static_cast<int64_t>(1000 * std::min(options.limit_s, kMostPatience_s));
      arrivals.emplace(options.run, environment, std::chrono::milliseconds(limit_ms),
                       end_incomplete_start);
    }
    start_mpi(environment.local_size);
    is_active_ = true;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }
  if (size > 1 || environment.slurm_tasks <= 1) return;
  if (is_active_) MPI_Finalize();
  refuse_lonely_slurm_task(environment.slurm_tasks);
}

MpiSession::~MpiSession() {
  const bool is_failing = std::uncaught_exceptions() > exceptions_at_start_;
  if (is_active_ && !is_failing) MPI_Finalize();
}

int end_job(int exit_code) {
  if (!mpi_is_running()) return exit_code;
  std::fflush(nullptr);
  // MPI_Abort talks to a daemon that may be gone; this process ends either way.
  std::thread([exit_code] {
    std::this_thread::sleep_for(kAbortLimit);
    _exit(exit_code);
  }).detach();
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  _exit(exit_code);
}

std::string process_name() {
  const auto environment = read_launcher_environment();
  if (!environment.has_mpi_launcher) return host_name();
  return "rank " + std::to_string(environment.rank) + " on " + host_name();
}

}  // namespace nextframe
