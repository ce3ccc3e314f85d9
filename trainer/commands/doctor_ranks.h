// What `nextframe doctor` shows of each rank: its host, device and CPUs.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace nextframe {

/// One row for each rank: "rank 3 on node07" and "cuda:3 NVIDIA H100 at 0000:3b:00.0, CPUs
/// 24-31, ...". Under mpirun or srun every rank must call it; rank 0 gets all rows and the
/// others none. Without a launcher, this process is the only rank. Throws EnvironmentError
/// where training would, too.
std::vector<std::pair<std::string, std::string>> rank_rows();

}  // namespace nextframe
