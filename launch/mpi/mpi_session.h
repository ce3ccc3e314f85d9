// The lifetime of MPI in this process, and how a job ends when one rank fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nextframe {

struct SessionOptions {
  std::filesystem::path run{};  // ranks sign beside it until all have come; "": nobody waits
  double limit_s = 300;         // then a start without all ranks ends with 86
};

/// Starts MPI where a launcher's environment is there, else leaves libmpi alone: one solo process.
/// Made by the commands that need a world, after everything that can be checked without one.
///
/// Destroyed by an exception it does not wait for the other ranks, who may never come: main prints
/// the error and leaves through end_job.
class MpiSession {
 public:
  /// EnvironmentError when Slurm started several tasks that do not find each other.
  explicit MpiSession(const SessionOptions& options = {});
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  /// False in a solo process, in which no MPI function may be called.
  bool is_active() const { return is_active_; }

 private:
  bool is_active_ = false;
  int exceptions_at_start_;
};

/// The last call of main. Returns `exit_code` when no rank can be waiting for this one; else ends
/// every rank of the job with that code, within seconds, and does not return.
int end_job(int exit_code);

/// "rank 3 on node07", or only the host in a solo process; before, during and after MPI.
std::string process_name();

}  // namespace nextframe
