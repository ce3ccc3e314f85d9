#include "launch/device.h"

#include <map>
#include <utility>

#include "launch/error.h"

namespace nextframe {
namespace {

constexpr const char* kRemedy = "start fewer ranks a host, or set parallel.device to cpu";

}  // namespace

c10::Device pick_device(const DeviceQuestion& question) {
  const c10::Device cpu(c10::DeviceType::CPU);
  const int64_t gpus = question.num_visible_gpus;
  if (question.requested == "cpu") return cpu;
  if (question.requested == "auto" && gpus == 0) return cpu;
  if (!question.has_cuda_build) {
    throw EnvironmentError(
        "parallel.device is cuda, but this program was built without it; build with "
        "'cmake --workflow --preset cuda', or set parallel.device to cpu");
  }
  if (gpus == 0) {
    throw EnvironmentError(
        "parallel.device is cuda, but no GPU is visible; see what nvidia-smi and "
        "CUDA_VISIBLE_DEVICES say, or set parallel.device to cpu");
  }
  if (gpus == 1) return {c10::DeviceType::CUDA, 0};
  if (gpus < question.local_size) {
    throw EnvironmentError(std::to_string(gpus) + " GPUs are visible for " +
                           std::to_string(question.local_size) + " ranks on this host; " + kRemedy);
  }
  return {c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(question.local_rank)};
}

std::string shared_gpu_problem(const std::vector<RankDevice>& ranks) {
  std::map<std::pair<int64_t, std::string>, size_t> owner;
  for (size_t rank = 0; rank < ranks.size(); ++rank) {
    if (ranks[rank].gpu_identity.empty()) continue;
    const auto [other, is_new] =
        owner.emplace(std::pair{ranks[rank].host_number, ranks[rank].gpu_identity}, rank);
    if (is_new) continue;
    return "ranks " + std::to_string(other->second) + " and " + std::to_string(rank) +
           " would share one GPU; " + kRemedy;
  }
  return "";
}

}  // namespace nextframe
