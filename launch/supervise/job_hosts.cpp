#include "launch/supervise/job_hosts.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace nextframe {

std::vector<Host> job_hosts(const std::string& named, const LauncherEnvironment& environment) {
  if (named.empty()) {
    return environment.is_slurm_job
               ? parse_slurm_hosts(environment.slurm_nodes, environment.slurm_tasks_per_node)
               : std::vector<Host>();
  }
  if (!std::filesystem::is_regular_file(named)) return parse_host_list(named);
  std::ifstream file(named);
  return parse_host_file({std::istreambuf_iterator<char>(file), {}});
}

}  // namespace nextframe
