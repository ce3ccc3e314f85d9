// Which tensor changes by which update rule.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "trainer/optimizer/update_rule.h"

namespace nextframe {

/// How many matrices stand in the parameter of this name, see Model::matrices_in().
using MatricesIn = std::function<int64_t(const std::string& parameter)>;

/// Whether `optimizer.matrices` decides how a parameter changes: it is a matrix in a block of the
/// trunk. The ends of a model, and what is no matrix, are AdamW's whatever the config says.
bool is_matrix_of_a_block(const std::string& name, at::IntArrayRef sizes);

/// These parameters, by name.
std::map<std::string, at::Tensor> matrices_of_blocks(const torch::nn::Module& model);

/// Throws UsageError, with the model's name, if the config asks for Muon and nothing would be
/// Muon's.
void require_matrices(const OptimizerConfig& config, const torch::nn::Module& model,
                      const std::string& model_name);

class UpdateRules {
 public:
  /// Without `matrices_in` every parameter is one matrix.
  UpdateRules(const OptimizerConfig& config, const FlatParameters& parameters,
              const MatricesIn& matrices_in = nullptr);

  double ema_decay() const { return ema_decay_; }  // of the weight average; 0 keeps none

  const std::vector<std::unique_ptr<UpdateRule>>& all() const { return rules_; }

  /// The index in all() of a tensor's rule. `tensor` is an index into FlatParameters::layout(), as
  /// in all that follows.
  size_t index_of(int64_t tensor) const { return of_tensor_[static_cast<size_t>(tensor)].rule; }
  const UpdateRule& of(int64_t tensor) const { return *rules_[index_of(tensor)]; }
  int64_t num_matrices(int64_t tensor) const {
    return of_tensor_[static_cast<size_t>(tensor)].num_matrices;
  }

  /// For ChunkOwners.
  std::function<bool(int64_t tensor)> stays_whole() const {
    return [this](int64_t tensor) { return of(tensor).needs_whole(); };
  }

 private:
  void add_running_sums(const FlatParameters& parameters);

  struct OfTensor {
    size_t rule = 0;
    int64_t num_matrices = 1;
  };

  double ema_decay_;
  std::vector<std::unique_ptr<UpdateRule>> rules_;
  std::vector<OfTensor> of_tensor_;  // as layout()
};

}  // namespace nextframe
