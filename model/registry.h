// The registry of models: each registers itself in its own .cpp file; see zoo/.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/fields.h"
#include "kernels/base/registry.h"
#include "model/action_form.h"
#include "model/objective/objective.h"
#include "model/tokenizer/tokenizer.h"
#include "model/traits.h"
#include "model/world_model.h"

namespace nextframe {

/// What every model is built from, besides its own config.
struct ModelInputs {
  ClipShape shape;
  std::shared_ptr<Objective> objective;
  ActionForm actions = {};
  bool bf16 = false;  // matrix products in bfloat16; everything else stays float32
  uint64_t seed = 0;  // of the initial parameters, drawn by counter (kernels/draws.h)
  std::shared_ptr<FrozenTokenizer> tokenizer = nullptr;       // null: no stage has trained one
  std::shared_ptr<Tokenizer> learned = nullptr;               // one that learns with the model
  std::shared_ptr<FrozenTokenizer> latent_actions = nullptr;  // null: actions are the data's

  LatentSpace space() const {
    if (learned) return learned->space();
    return tokenizer ? tokenizer->space() : LatentSpace();
  }

  /// Width of the actions that the network gets.
  int64_t action_width() const {
    return actions.width(latent_actions ? latent_actions->space().num_codes() : shape.action_width);
  }
};

/// A model's summary, fields and constructor. They are separate, so that a config can be read
/// and checked before any data is opened.
struct ModelEntry {
  std::string summary;  // one line, for --help and the docs
  /// A fresh config, visited by `field`, then checked (report), then built.
  std::function<void(FieldVisitor&, const Report&)> visit;
  std::function<std::shared_ptr<WorldModel>(FieldVisitor&, const ModelInputs&)> make;
  /// The fields with which some of what the model offers is not there, or there for nothing.
  std::function<void(FieldVisitor&, const Traits& asked, const Report&)> check_asked;
  Traits offers;
};

using ModelRegistry = Registry<ModelEntry>;

template <class Config>
void check_asked(FieldVisitor& field, const Traits& asked, const Report& report) {
  if constexpr (requires(const Config& config) { config.check_asked(asked, report); }) {
    Config config;
    config.fields(field);
    config.check_asked(asked, report);
  }
}

}  // namespace nextframe

/// Registers `Model` under `name`. Model needs a nested Config with `fields(FieldVisitor&)` and
/// `check(const Report&) const`, a constructor Model(Config, ModelInputs), and `static Traits
/// offers()`. Where an offer depends on fields, Config has `check_asked(const Traits& asked, const
/// Report&) const`, too.
#define NF_REGISTER_MODEL(name, Model, summary)                                             \
  namespace {                                                                               \
  const bool registered_##Model = ::nextframe::ModelRegistry::instance().add(               \
      name, {summary,                                                                       \
             [](::nextframe::FieldVisitor& field, const ::nextframe::Report& report) {      \
               Model::Config config;                                                        \
               config.fields(field);                                                        \
               config.check(report);                                                        \
             },                                                                             \
             [](::nextframe::FieldVisitor& field, const ::nextframe::ModelInputs& inputs) { \
               Model::Config config;                                                        \
               config.fields(field);                                                        \
               return std::make_shared<Model>(config, inputs);                              \
             },                                                                             \
             [](::nextframe::FieldVisitor& field, const ::nextframe::Traits& asked,         \
                const ::nextframe::Report& report) {                                        \
               ::nextframe::check_asked<Model::Config>(field, asked, report);               \
             },                                                                             \
             Model::offers()});                                                             \
  }
