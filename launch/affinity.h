// CPU affinity: which cores a rank may use.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace nextframe {

/// The CPUs of "0-3,8,10-11", the kernel's way of writing them; empty for text that is none.
std::vector<int> parse_cpu_list(const std::string& text);

/// "0-3,8", the inverse; "" for none. Numbers ascend.
std::string to_cpu_list(const std::vector<int>& cpus);

/// The CPUs that the calling thread may run on.
std::vector<int> current_cpus();

/// The part of `cpus` for sharer `index` of `count`: contiguous, and all of them when there are
/// fewer CPUs than sharers.
std::vector<int> cpu_share(const std::vector<int>& cpus, int64_t index, int64_t count);

/// The CPUs that this process could have: siblings of one core stand together.
/// With `gpu_pci` ("0000:3b:00.0") only those nearest that GPU, where the kernel knows them.
std::vector<int> available_cpus(const std::string& gpu_pci);

/// Physical cores that this process is bound to; all of the machine if it is not bound.
int64_t num_available_cores();

/// Gives the calling thread, and threads it starts later, these CPUs unless it has as many already:
/// mpirun binds a rank to one core by default, which would hold all its threads. Returns how many
/// CPUs the thread has afterwards.
int64_t widen_affinity(const std::vector<int>& cpus);

}  // namespace nextframe
