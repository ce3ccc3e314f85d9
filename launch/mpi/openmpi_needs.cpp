#include "launch/mpi/openmpi_needs.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "launch/text.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

// btl_vader_segment_size, and a little for its head: what each rank maps in /dev/shm.
constexpr double kSegmentBytes = (4 << 20) + (64 << 10);
constexpr double kMiB = 1 << 20;

}  // namespace

bool is_mca_set(const std::string& name) {
  if (std::getenv(("OMPI_MCA_" + name).c_str()) != nullptr) return true;
  const char* home = std::getenv("HOME");
  std::ifstream file(fs::path(home == nullptr ? "" : home) / ".openmpi" / "mca-params.conf");
  for (std::string line; std::getline(file, line);) {
    std::string word;
    std::istringstream(line.substr(0, line.find_first_of("=#"))) >> word;
    if (word == name) return true;
  }
  return false;
}

std::string shared_memory_problem(int64_t num_local_ranks) {
  struct statvfs room {};
  // Where there is no /dev/shm, OpenMPI takes the folder of its session.
  if (num_local_ranks < 2 || statvfs("/dev/shm", &room) != 0) return "";
  const double free_bytes = static_cast<double>(room.f_bavail) * static_cast<double>(room.f_frsize);
  const double needed_bytes = static_cast<double>(num_local_ranks) * kSegmentBytes;
  if (free_bytes >= needed_bytes) return "";
  return format("/dev/shm has %.1f MiB free, and %lld ranks need %.1f MiB to exchange in memory",
                free_bytes / kMiB, static_cast<long long>(num_local_ranks), needed_bytes / kMiB);
}

std::string session_folder_problem() {
  if (is_mca_set("orte_tmpdir_base")) return "";
  std::string name = "/tmp", variable;
  for (const char* candidate : {"TMP", "TEMP", "TMPDIR"}) {  // the last one counts most
    if (const char* text = std::getenv(candidate)) name = text, variable = candidate;
  }
  std::error_code ignored;
  const bool is_folder = fs::is_directory(name, ignored);
  if (is_folder && ::access(name.c_str(), W_OK | X_OK) == 0) return "";
  return "mpirun keeps the files of its session in " +
         (variable.empty() ? name : name + " ($" + variable + ")") + ", which " +
         (is_folder ? "cannot be written" : "is no folder") +
         "; set TMPDIR to a folder that can be written" +
         (variable.empty() ? "" : ", or unset " + variable);
}

}  // namespace nextframe
