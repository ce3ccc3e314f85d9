// The objective: what the network is shown in training, what it must predict, and how frames are
// sampled from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>

#include "kernels/base/fields.h"
#include "kernels/base/registry.h"
#include "model/world_model.h"

namespace nextframe {

/// A causal network over frames: output t depends only on inputs up to t.
///   x_BT...      float32, frames in the model's own layout, pixels scaled to [-1, 1]
///   actions_BTA  float32
///   level_BT     float32, the noise level of a frame: 1 is clean, 0 is pure noise
///   returns      as x
using Network = std::function<at::Tensor(const at::Tensor& x_BT, const at::Tensor& actions_BTA,
                                         const at::Tensor& level_BT)>;

/// Independent of the layout of frames: only the leading dimensions B and T are known here.
class Objective {
 public:
  virtual ~Objective() = default;

  /// Whether level_BT ever differs from 1, so that a network needs it as an input.
  virtual bool has_noise_levels() const = 0;

  /// The loss over frames 1 .. T-1 of clean frames x; mask_BT is bool, sample_ids_B keys the noise.
  ///   draw  int64 [2] on x's device, see as_tensor() in kernels/draws.h
  virtual LossTerms loss(const Network& network, const at::Tensor& x_BT,
                         const at::Tensor& actions_BTA, const at::Tensor& mask_BT,
                         const at::Tensor& sample_ids_B, const at::Tensor& draw) const = 0;

  /// Teacher forcing: frames 1 + skip .. T-1, each from the clean frames before it. Noise is
  /// keyed by (options.seed, sample id, number of the frame in its episode), so it does not
  /// depend on other rows or on where a window was cut.
  virtual at::Tensor one_step(const Network& network, const at::Tensor& x_BT,
                              const at::Tensor& actions_BTA, int64_t skip,
                              const RolloutOptions& options) const = 0;

  /// The frame after x, [B, 1, ...], from clean frames x_BT and as many actions. It is frame
  /// number `frame_number` of its episode.
  virtual at::Tensor next(const Network& network, const at::Tensor& x_BT,
                          const at::Tensor& actions_BTA, int64_t frame_number,
                          const RolloutOptions& options) const = 0;
};

/// An objective's name and constructor; see NF_REGISTER_MODEL, whose form this follows.
struct ObjectiveEntry {
  std::string summary;
  std::function<void(FieldVisitor&, const Report&)> visit;
  std::function<std::shared_ptr<Objective>(FieldVisitor&)> make;
};

using ObjectiveRegistry = Registry<ObjectiveEntry>;

}  // namespace nextframe

/// Registers `Class` under `name`. It needs a nested Config with `fields(FieldVisitor&)` and
/// `check(const Report&) const`, and a constructor Class(Config).
#define NF_REGISTER_OBJECTIVE(name, Class, summary)                                          \
  namespace {                                                                                \
  const bool registered_##Class = ::nextframe::ObjectiveRegistry::instance().add(            \
      name, {summary,                                                                        \
             [](::nextframe::FieldVisitor& field, const ::nextframe::Report& report) {       \
               Class::Config config;                                                         \
               config.fields(field);                                                         \
               config.check(report);                                                         \
             },                                                                              \
             [](::nextframe::FieldVisitor& field) -> std::shared_ptr<nextframe::Objective> { \
               Class::Config config;                                                         \
               config.fields(field);                                                         \
               return std::make_shared<Class>(config);                                       \
             }});                                                                            \
  }
