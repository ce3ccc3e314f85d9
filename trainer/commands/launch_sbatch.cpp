#include "trainer/commands/launch_sbatch.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "launch/text.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

void check(const SbatchArguments& arguments) {
  const auto& options = arguments.options;
  if (fs::exists(arguments.file)) throw UsageError(arguments.file + " exists; it is left as it is");
  if (options.num_ranks < options.num_nodes) {
    throw UsageError(std::to_string(options.num_nodes) + " nodes for " +
                     std::to_string(options.num_ranks) +
                     " ranks: give more with -n, or fewer nodes");
  }
  const auto per_node = (options.num_ranks + options.num_nodes - 1) / options.num_nodes;
  if (options.gpus_per_node > 0 && per_node > options.gpus_per_node) {
    throw UsageError(std::to_string(per_node) + " ranks a node, but " +
                     std::to_string(options.gpus_per_node) +
                     " GPUs a node: a rank needs a GPU of its own; see -n and --nodes");
  }
  if (!options.apptainer.empty() && !options.pyxis.empty())
    throw UsageError("--apptainer or --pyxis, not both");
}

}  // namespace

void add_sbatch_arguments(CLI::App& app, SbatchArguments& arguments) {
  auto& options = arguments.options;
  app.add_option("--write-sbatch", arguments.file,
                 "write a Slurm job script to this file and start nothing");
  app.add_option("--nodes", options.num_nodes, "number of nodes in the job script")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--gpus-per-node", options.gpus_per_node,
                 "GPUs per node in the job script; 0: ranks run on CPUs")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--srun", options.use_srun,
               "the job script starts ranks by srun, without a supervisor");
  app.add_option("--apptainer", options.apptainer, "the job script runs this image with Apptainer");
  app.add_option("--pyxis", options.pyxis, "the job script runs this image with Pyxis");
}

int write_sbatch(const SbatchArguments& arguments, const std::vector<std::string>& launch,
                 const std::vector<std::string>& train) {
  check(arguments);
  std::ofstream file(arguments.file);
  file << sbatch_script(arguments.options, launch, train) << std::flush;
  if (!file) {
    throw ExitError(ExitCode::environment,
                    "cannot write " + arguments.file + ": " + std::strerror(errno));
  }
  std::cout << "wrote " << arguments.file << "; next: " << shell_words({"sbatch", arguments.file})
            << std::endl;
  return 0;
}

}  // namespace nextframe
