// CPU affinity: which cores a rank may use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// Parses a list of CPUs as the kernel writes it, "0-3,8,10-11"; empty for any other text.
std::vector<int> parse_cpu_list(const std::string& text);

/// The inverse: "0-3,8", or "" for none. `cpus` ascend.
std::string to_cpu_list(const std::vector<int>& cpus);

/// The CPUs that the calling thread may run on.
std::vector<int> current_cpus();

/// The contiguous part of `cpus` for rank `index` of `count`; all of them if there are fewer
/// CPUs than ranks.
std::vector<int> cpu_share(const std::vector<int>& cpus, int64_t index, int64_t count);

/// The CPUs that this process could use, with hyperthreads of one core side by side. With
/// `gpu_pci` ("0000:3b:00.0") only those nearest to that GPU, where the kernel knows them.
std::vector<int> available_cpus(const std::string& gpu_pci);

/// The number of physical cores that this process is bound to; all of the machine's if it is not
/// bound.
int64_t num_available_cores();

/// Binds the calling thread, and threads that it starts later, to these CPUs, unless it has as
/// many already: by default, mpirun binds a rank with all its threads to one core. Returns the
/// number of CPUs afterwards.
int64_t widen_affinity(const std::vector<int>& cpus);

}  // namespace nextframe
