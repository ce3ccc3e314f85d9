// Features of clips by a TorchScript file.
#include <torch/script.h>

#include "data/error.h"
#include "data/input_file.h"
#include "trainer/evaluate/clip_features.h"

namespace nextframe {
namespace {

constexpr int64_t kScriptedClips = 8;

[[noreturn]] void refuse_features(const std::string& file, const std::string& problem) {
  throw DataError(c10::str("--features ", file, ": ", problem,
                           "; needed is a TorchScript module that takes uint8 clips "
                           "[N, T, H, W, C] and returns numbers [N, D]"));
}

/// The first line of what LibTorch says, which has many.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

at::Tensor features_of(torch::jit::Module& module, const std::string& file,
                       const at::Tensor& clips_NTHWC) {
  const torch::NoGradGuard no_grad;
  c10::IValue answer;
  try {
    answer = module.forward({clips_NTHWC});
  } catch (const std::exception& error) {
    const std::string text = error.what();  // the reason is in the last line that is not empty
    const auto end = text.find_last_not_of("\n ");
    const auto begin = text.rfind('\n', end);
    refuse_features(file, c10::str("fails on clips ", clips_NTHWC.sizes(), ": ",
                                   text.substr(begin + 1, end - begin)));
  }
  if (!answer.isTensor()) refuse_features(file, "returns " + answer.tagKind() + ", not a tensor");
  const auto features = answer.toTensor();
  if (features.dim() != 2 || features.size(0) != clips_NTHWC.size(0) || features.size(1) == 0 ||
      features.is_complex()) {
    refuse_features(file, c10::str("returns ", features.scalar_type(), " ", features.sizes(),
                                   " for clips ", clips_NTHWC.sizes()));
  }
  const auto features_ND = features.to(at::kCPU, at::kDouble);
  if (!features_ND.isfinite().all().item<bool>())
    refuse_features(file, "returns numbers that are not finite");
  return features_ND;
}

}  // namespace

ClipFeatures scripted_features(const std::string& file) {
  require_regular_file(file);
  auto module = std::make_shared<torch::jit::Module>();
  try {
    *module = torch::jit::load(file, at::kCPU);
  } catch (const std::exception& error) {
    refuse_features(file, "is not read as TorchScript (" + first_line(error) + ")");
  }
  module->eval();
  const auto compute = [module, file](const at::Tensor& clips_NTHWC) {
    std::vector<at::Tensor> parts;
    for (const auto& some : clips_NTHWC.split(kScriptedClips))
      parts.push_back(features_of(*module, file, some));
    return at::cat(parts);
  };
  return {file, compute, 1, 1, false};
}

}  // namespace nextframe
