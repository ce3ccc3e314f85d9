// What `nextframe doctor` shows of each rank: its host, device and CPUs.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// A row a rank, "rank 3 on node07" and "cuda:3 NVIDIA H100 at 0000:3b:00.0, CPUs 24-31, ...".
/// Under mpirun or srun every rank has to call it, rank 0 gets all rows and the others none; else
/// this process is the only rank. EnvironmentError where such ranks could not train either.
std::vector<std::pair<std::string, std::string>> rank_rows();

}  // namespace nextframe
