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

/// The first sentence of what LibTorch says, which has many lines.
std::string first_sentence(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, std::min(text.find('\n'), text.find(". ")));
}

/// The reason that a module failed: TorchScript puts a trace of its lines before it.
std::string last_line(const std::exception& error) {
  const std::string text = error.what();
  const auto end = text.find_last_not_of("\n ");
  return text.substr(text.rfind('\n', end) + 1, end - text.rfind('\n', end));
}

at::Tensor features_of(torch::jit::Module& module, const std::string& file,
                       const at::Tensor& clips_NTHWC) {
  const torch::NoGradGuard no_grad;
  c10::IValue answer;
  try {
    answer = module.forward({clips_NTHWC});
  } catch (const std::exception& error) {
    refuse_features(file, c10::str("fails on clips ", clips_NTHWC.sizes(), ": ", last_line(error)));
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
    refuse_features(file, "is not read as TorchScript (" + first_sentence(error) + ")");
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
