#include "trainer/optimizer/update_rules.h"

#include <optional>

#include "model/running_sum.h"
#include "trainer/exit_code.h"

namespace nextframe {

bool is_matrix_of_a_block(const std::string& name, at::IntArrayRef sizes) {
  return name.starts_with("blocks.") && sizes.size() == 2 && sizes[0] > 0 && sizes[1] > 0;
}

std::map<std::string, at::Tensor> matrices_of_blocks(const torch::nn::Module& model) {
  std::map<std::string, at::Tensor> matrices;
  for (const auto& item : model.named_parameters()) {
    if (is_matrix_of_a_block(item.key(), item.value().sizes()))
      matrices[item.key()] = item.value().detach();
  }
  return matrices;
}

void require_matrices(const OptimizerConfig& config, const torch::nn::Module& model,
                      const std::string& model_name) {
  if (config.matrices != "muon" || !matrices_of_blocks(model).empty()) return;
  throw UsageError("optimizer.matrices = muon: model " + model_name +
                   " has no matrices in blocks of a trunk (docs/add-a-model.md); take adamw");
}

UpdateRules::UpdateRules(const OptimizerConfig& config, const FlatParameters& parameters,
                         const MatricesIn& matrices_in)
    : ema_decay_(config.ema_decay), of_tensor_(parameters.layout().size()) {
  rules_.push_back(make_adamw_rule(config));
  add_running_sums(parameters);
  if (config.matrices != "muon") return;
  rules_.push_back(make_muon_rule(config));
  for (size_t i = 0; i < of_tensor_.size(); ++i) {
    const auto& tensor = parameters.layout()[i];
    if (!is_matrix_of_a_block(tensor.name, tensor.sizes)) continue;
    const int64_t num_matrices = matrices_in != nullptr ? matrices_in(tensor.name) : 1;
    TORCH_CHECK(num_matrices > 0 && tensor.sizes[0] % num_matrices == 0, "'", tensor.name, "' of ",
                tensor.sizes[0], " rows cannot be ", num_matrices, " matrices of equal height");
    of_tensor_[i] = {rules_.size() - 1, num_matrices};
  }
}

void UpdateRules::add_running_sums(const FlatParameters& parameters) {
  const auto add_for = [&](auto is_one_of_them, auto make_rule) {
    std::optional<size_t> rule;
    for (size_t i = 0; i < of_tensor_.size(); ++i) {
      if (!is_one_of_them(parameters.layout()[i].name)) continue;
      if (!rule) rule = rules_.size(), rules_.push_back(make_rule());
      of_tensor_[i] = {*rule, 1};
    }
  };
  const auto is_codebook = [](const std::string& name) {
    return is_running_sum(name) && name.ends_with("codebook");
  };
  add_for([&](const std::string& name) { return is_running_sum(name) && !is_codebook(name); },
          make_running_sum_rule);
  add_for(is_codebook, make_codebook_rule);
}

}  // namespace nextframe
