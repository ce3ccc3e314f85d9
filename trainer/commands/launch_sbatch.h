// `nextframe launch --write-sbatch`: writes a Slurm job script instead of starting.
#pragma once

#include <CLI/CLI.hpp>

#include "launch/supervise/sbatch_script.h"

namespace nextframe {

struct SbatchArguments {
  std::string file;  // "" when none is asked for
  SbatchOptions options;
};

void add_sbatch_arguments(CLI::App& app, SbatchArguments& arguments);

/// Writes the script and prints how to submit it. `launch` are launch's own arguments, which
/// the script repeats. Throws UsageError if the file exists or ranks and nodes do not fit.
int write_sbatch(const SbatchArguments& arguments, const std::vector<std::string>& launch,
                 const std::vector<std::string>& train);

}  // namespace nextframe
