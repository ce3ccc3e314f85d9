// The tokenizer: how frames become latents, and frames again. It is trained as a model of its own;
// then another run keeps it frozen and works on its latents.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kernels/base/fields.h"
#include "kernels/base/registry.h"
#include "model/latent_space.h"
#include "model/world_model.h"

namespace nextframe {

/// A tokenizer takes each frame by itself. It predicts nothing, so what is asked of a world model
/// beyond reconstruction is an error.
class Tokenizer : public WorldModel {
 public:
  /// What encode() gives.
  virtual LatentSpace space() const = 0;

  /// Computes from the weights, which will not change any more, what encode() and decode() need.
  virtual void freeze() {}

  /// Latents of frames, after freeze().
  ///   frames_BTHWC  uint8
  virtual at::Tensor encode(const at::Tensor& frames_BTHWC) const = 0;

  /// Frames of latents, float32 [B, T, H, W, C], about [-1, 1].
  virtual at::Tensor decode(const at::Tensor& latents_BT) const = 0;

  /// Of a tokenizer that learns together with a model on its latents: then encode() has a gradient,
  /// and the model adds this to its loss. It is `scale` times the error of the frames that are
  /// drawn from `latents_BT`, without a gradient to them, and what it carries of statistics.
  virtual LossTerms read_out(const at::Tensor& /*latents_BT*/, const Batch& /*batch*/,
                             double /*scale*/) {
    return {};
  }

  bool can_predict() const override { return false; }
  bool has_tokenizer() const override { return true; }
  at::Tensor reconstruct(const at::Tensor& frames_BTHWC) override;
  at::Tensor one_step(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override;
  at::Tensor rollout(const at::Tensor&, const at::Tensor&, const RolloutOptions&) override;
};

/// A frozen tokenizer as another model uses it: without gradients, `pack` neighbouring tokens of
/// values as one.
class FrozenTokenizer {
 public:
  FrozenTokenizer(std::shared_ptr<Tokenizer> tokenizer, int64_t pack);

  LatentSpace space() const { return space_; }
  at::Tensor encode(const at::Tensor& frames_BTHWC) const;
  at::Tensor decode(const at::Tensor& latents_BT) const;
  Tokenizer& tokenizer() const { return *tokenizer_; }
  void to(c10::Device device, bool non_blocking);

 private:
  std::shared_ptr<Tokenizer> tokenizer_;
  int64_t pack_;
  LatentSpace space_;
};

struct TokenizerInputs {
  ClipShape shape;
  bool bf16 = false;
  uint64_t seed = 0;
};

/// A tokenizer's name and constructor; see NF_REGISTER_TOKENIZER.
struct TokenizerEntry {
  std::string summary;
  std::function<void(FieldVisitor&, const Report&)> visit;
  /// None of "pixels", which are no latents, and of "trained", which another run has made.
  std::function<std::shared_ptr<Tokenizer>(FieldVisitor&, const TokenizerInputs&)> make;
  LatentSpace::Kind kind = LatentSpace::Kind::pixels;
  /// Whether it learns together with a model on its latents, see Tokenizer::read_out().
  bool learns_with_model = false;

  /// Whether a config trains it by itself.
  bool is_trainable() const { return make != nullptr && !learns_with_model; }
};

/// Whether the class says `static constexpr bool kLearnsWithModel = true`.
template <class Class>
constexpr bool learns_with_model() {
  if constexpr (requires { Class::kLearnsWithModel; }) return Class::kLearnsWithModel;
  return false;
}

using TokenizerRegistry = Registry<TokenizerEntry>;

/// `tokenizer: {name: trained}`: the fields of the config's section.
struct TrainedTokenizer {
  std::string from;
  std::string digest;
  int64_t pack = 1;

  void fields(FieldVisitor& field);
  void check(const Report& report) const;
};

}  // namespace nextframe

/// Registers `Class`, which gives latents of `kind`, under `name`. It needs a nested Config with
/// `fields(FieldVisitor&)` and `check(const Report&) const`, and a constructor Class(Config,
/// TokenizerInputs).
#define NF_REGISTER_TOKENIZER(name, Class, kind, summary)                                        \
  namespace {                                                                                    \
  const bool registered_##Class = ::nextframe::TokenizerRegistry::instance().add(                \
      name,                                                                                      \
      {summary,                                                                                  \
       [](::nextframe::FieldVisitor& field, const ::nextframe::Report& report) {                 \
         Class::Config config;                                                                   \
         config.fields(field);                                                                   \
         config.check(report);                                                                   \
       },                                                                                        \
       [](::nextframe::FieldVisitor& field,                                                      \
          const ::nextframe::TokenizerInputs& inputs) -> std::shared_ptr<nextframe::Tokenizer> { \
         Class::Config config;                                                                   \
         config.fields(field);                                                                   \
         return std::make_shared<Class>(config, inputs);                                         \
       },                                                                                        \
       ::nextframe::LatentSpace::Kind::kind, ::nextframe::learns_with_model<Class>()});          \
  }
