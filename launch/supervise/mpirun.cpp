#include "launch/supervise/mpirun.h"

#include <unistd.h>

#include <filesystem>

#include "launch/affinity.h"

namespace nextframe {
namespace {

bool is_local(const MpirunOptions& options, const Placement& place) {
  return options.hosts.empty() && place.hosts.empty() && !options.is_slurm_job;
}

bool exceeds_cores(int64_t num_ranks) { return num_ranks > num_available_cores(); }

}  // namespace

std::vector<std::string> mpirun_words(const MpirunOptions& options, const Placement& place,
                                      const std::vector<std::string>& command) {
  std::vector<std::string> words = {"mpirun", "-np", std::to_string(place.num_ranks), "--bind-to",
                                    "none"};
  for (const auto& [name, value] :
       {std::pair{"oob_tcp_keepalive_time", "3"}, std::pair{"oob_tcp_keepalive_intvl", "1"},
        std::pair{"oob_tcp_keepalive_probes", "5"}}) {
    words.insert(words.end(), {"--mca", name, value});
  }
  if (!place.hosts.empty()) {
    words.insert(words.end(), {"--host", to_host_list(place.hosts)});
  } else if (!options.hosts.empty()) {
    const bool is_file = std::filesystem::is_regular_file(options.hosts);
    words.insert(words.end(), {is_file ? "--hostfile" : "--host", options.hosts});
  }
  if (options.oversubscribe || (is_local(options, place) && exceeds_cores(place.num_ranks))) {
    words.push_back("--oversubscribe");
  }
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<std::pair<std::string, std::string>> mpirun_variables(const MpirunOptions& options,
                                                                  const Placement& place) {
  std::vector<std::pair<std::string, std::string>> variables = {{"OMP_NUM_THREADS", "1"}};
  if (is_local(options, place)) {
    // Shared memory only, without the system call that containers forbid.
    variables.insert(variables.end(), {{"OMPI_MCA_btl", "vader,self"},
                                       {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"}});
    // A waiting rank gives its core away.
    if (exceeds_cores(place.num_ranks)) variables.emplace_back("OMPI_MCA_mpi_yield_when_idle", "1");
  }
  if (geteuid() == 0) {
    variables.insert(variables.end(),
                     {{"OMPI_ALLOW_RUN_AS_ROOT", "1"}, {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"}});
  }
  return variables;
}

}  // namespace nextframe
