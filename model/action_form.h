// How actions enter a network: the `actions` section of a config.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "kernels/base/fields.h"
#include "model/network.h"
#include "model/traits.h"

namespace nextframe {

struct ActionForm {
  std::string form = "token_and_add";
  double dropout = 0;
  std::string from;    // of latent actions, see `from` in TrainedTokenizer
  std::string digest;  // of them, too

  void fields(FieldVisitor& field);
  void check(const Report& report) const;

  bool is_latent() const { return !from.empty(); }
  bool is_none() const { return form == "none"; }
  bool has_token() const { return form == "token" || form == "token_and_add"; }
  bool is_added() const { return form == "add" || form == "token_and_add"; }

  /// What it asks of a network.
  Traits asks() const;

  /// Width of the actions that a network gets for the data's of width `data_width`. With dropout
  /// the last value is 1 where an action is not told; the others are 0 there.
  int64_t width(int64_t data_width) const;

  /// The data's actions [B, T, A] as a network gets them, all told.
  at::Tensor encode(const at::Tensor& actions_BTA) const;

  /// The same in training: with probability `dropout` a clip is told none of its actions, and else
  /// with the same probability each of its frames is not told its own. Keyed by draw and sample
  /// ids.
  ///   draw  see Model::loss
  at::Tensor encode(const at::Tensor& actions_BTA, const at::Tensor& sample_ids_B,
                    const at::Tensor& draw) const;

  /// [B, 1, width]: no action, as of a clip's first frame, to which none led.
  at::Tensor no_action(const at::Tensor& encoded_BTA) const;
};

/// `input`, whose newest frame's action is not told; for models that were trained with dropout.
NetworkInput without_newest_action(const NetworkInput& input);

}  // namespace nextframe
