// The lifetime of MPI in this process, and how a job ends when one rank fails.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nextframe {

struct SessionOptions {
  std::filesystem::path run{};  // for the rendezvous, beside this folder; "": none
  double limit_s = 300;         // after which a start without all ranks ends with exit code 86
};

/// Starts MPI if a launcher's environment variables are there; else this is a solo process,
/// which does not touch libmpi. Commands that need a world make one after checking everything
/// that can be checked without it.
///
/// If an exception destroys it, it does not wait for the other ranks, which may never come:
/// main prints the error and exits through end_job.
class MpiSession {
 public:
  /// Throws EnvironmentError if Slurm started several tasks that do not find each other.
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

/// The last call of main. Returns `exit_code` if no rank can be waiting for this one. Else it
/// ends every rank of the job with that code, within seconds, and does not return.
int end_job(int exit_code);

/// "rank 3 on node07", or only the host in a solo process; before, during and after MPI.
std::string process_name();

}  // namespace nextframe
