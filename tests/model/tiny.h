// Makes small models and clips of any registered model and objective, for tests.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kernels/draws.h"
#include "kernels/torch.h"
#include "model/registry.h"
#include "model/running_sum.h"

namespace nextframe::tiny {

/// Sets fields by name and leaves the others at their defaults.
class SetFields : public FieldVisitor {
 public:
  explicit SetFields(std::map<std::string, int64_t> values,
                     std::map<std::string, std::string> texts = {},
                     std::map<std::string, double> reals = {})
      : values_(std::move(values)), texts_(std::move(texts)), reals_(std::move(reals)) {}

  std::vector<std::string> out_of_range;  // names of fields whose value the config would refuse

 private:
  void visit(const FieldInfo& info, int64_t& value) override {
    const auto found = values_.find(info.name);
    if (found != values_.end()) value = found->second;
    const auto number = static_cast<double>(value);
    if (info.range.is_too_small(number) || info.range.is_too_large(number))
      out_of_range.push_back(info.name);
  }
  void visit(const FieldInfo&, bool&) override {}
  void visit(const FieldInfo& info, double& value) override {
    const auto found = reals_.find(info.name);
    if (found != reals_.end()) value = found->second;
  }
  void visit(const FieldInfo& info, std::string& value) override {
    const auto found = texts_.find(info.name);
    if (found != texts_.end()) value = found->second;
  }
  void visit(const FieldInfo&, std::vector<int64_t>&) override {}
  void visit(const FieldInfo&, std::vector<std::string>&) override {}

  std::map<std::string, int64_t> values_;
  std::map<std::string, std::string> texts_;
  std::map<std::string, double> reals_;
};

struct Options {
  std::string model = "frame_mlp";
  std::string objective = "regress";
  std::string tokenizer = "";  // "": pixels, or else the first that the objective works on
  ClipShape shape{6, 16, 16, 3, 2};
  ActionForm actions;
  bool bf16 = false;
  uint64_t seed = 3;
  std::map<std::string, int64_t> fields{{"dim", 64},          {"layers", 2},  {"heads", 2},
                                        {"patch_px", 4},      {"halo_px", 2}, {"registers", 1},
                                        {"temporal_every", 1}};
  std::map<std::string, std::string> texts;
  std::map<std::string, double> reals;  // of the objective
};

inline std::shared_ptr<Objective> make_objective(const std::string& name,
                                                 const std::map<std::string, double>& reals = {}) {
  SetFields fields({{"bootstrap_start", 0}}, {}, reals);
  return ObjectiveRegistry::instance().get(name, "objective").make(fields);
}

/// Names of "pixels" and of all tokenizers of frames that can be trained.
inline std::vector<std::string> tokenizers() {
  std::vector<std::string> names = {"pixels"};
  for (const auto& name : TokenizerRegistry::instance().names()) {
    const auto* entry = TokenizerRegistry::instance().find(name);
    const bool is_made = entry->is_trainable() || entry->learns_with_model;
    if (is_made && entry->kind != LatentSpace::Kind::changes) names.push_back(name);
  }
  return names;
}

inline bool objective_takes(const std::string& objective, const std::string& tokenizer) {
  const auto& given = TokenizerRegistry::instance().get(tokenizer, "tokenizer");
  const auto& wanted = ObjectiveRegistry::instance().get(objective, "objective");
  return wanted.frames.contains(trait_of(given.kind)) &&
         wanted.asks.contains(Trait::learned_latents) == given.learns_with_model;
}

inline std::string tokenizer_of(const Options& options) {
  if (!options.tokenizer.empty()) return options.tokenizer;
  for (const auto& name : tokenizers()) {
    if (objective_takes(options.objective, name)) return name;
  }
  return "pixels";
}

/// With a token for each of 4 patches.
inline std::shared_ptr<Tokenizer> make_tokenizer(const std::string& name, const ClipShape& shape,
                                                 bool bf16 = false, uint64_t seed = 3) {
  SetFields fields({{"dim", 16},
                    {"layers", 2},
                    {"heads", 2},
                    {"patch_px", 8},
                    {"merge", 1},
                    {"width", 4},
                    {"codes", 12},
                    {"continuous_steps", 0}});
  return TokenizerRegistry::instance()
      .get(name, "tokenizer")
      .make(fields, {.shape = shape, .bf16 = bf16, .seed = seed});
}

/// Away from its start, where every frame is decoded to grey.
inline std::shared_ptr<Tokenizer> disturbed(std::shared_ptr<Tokenizer> tokenizer) {
  const torch::NoGradGuard no_grad;
  uint64_t seed = 200;
  for (auto& item : tokenizer->named_parameters()) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(++seed);
    if (!is_running_sum(item.key()))
      item.value().add_(at::randn(item.value().sizes(), generator), 0.2);
  }
  return tokenizer;
}

inline std::shared_ptr<WorldModel> make(const Options& options) {
  auto texts = options.texts;
  const auto& asked = ObjectiveRegistry::instance().get(options.objective, "objective").asks;
  if (asked.contains(Trait::code_order)) texts["attention"] = "token_causal";
  if (asked.contains(Trait::whole_clip)) texts["attention"] = "full";
  SetFields fields(options.fields, texts);
  std::shared_ptr<FrozenTokenizer> tokenizer;
  std::shared_ptr<Tokenizer> learned;
  if (asked.contains(Trait::learned_latents)) {
    learned = make_tokenizer(tokenizer_of(options), options.shape, options.bf16, options.seed);
  } else if (const auto name = tokenizer_of(options); name != "pixels") {
    tokenizer =
        std::make_shared<FrozenTokenizer>(disturbed(make_tokenizer(name, options.shape)), 1);
  }
  const auto& model = ModelRegistry::instance().get(options.model, "model");
  return model.make(fields, {.shape = options.shape,
                             .objective = make_objective(options.objective, options.reals),
                             .actions = options.actions,
                             .bf16 = options.bf16,
                             .seed = options.seed,
                             .tokenizer = std::move(tokenizer),
                             .learned = std::move(learned)});
}

/// Whether the model offers what objective and action form ask for, and both work on the frames.
inline bool goes_together(const Options& options) {
  auto asked = ObjectiveRegistry::instance().get(options.objective, "objective").asks;
  asked.merge(options.actions.asks());
  const auto tokenizer = tokenizer_of(options);
  if (!objective_takes(options.objective, tokenizer)) return false;
  asked.insert(trait_of(TokenizerRegistry::instance().get(tokenizer, "tokenizer").kind));
  return missing_traits(asked, ModelRegistry::instance().get(options.model, "model").offers)
      .empty();
}

/// All models, objectives and tokenizers that go together.
inline std::vector<std::tuple<std::string, std::string, std::string>> legal_triples() {
  std::vector<std::tuple<std::string, std::string, std::string>> triples;
  for (const auto& model : ModelRegistry::instance().names()) {
    for (const auto& objective : ObjectiveRegistry::instance().names()) {
      for (const auto& tokenizer : tokenizers()) {
        Options options;
        options.model = model;
        options.objective = objective;
        options.tokenizer = tokenizer;
        if (goes_together(options)) triples.emplace_back(model, objective, tokenizer);
      }
    }
  }
  return triples;
}

/// B clips of noise that moves one pixel a frame, so that there is something to learn.
inline Batch clips(const ClipShape& shape, int64_t num_clips, uint64_t seed = 1) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto first = at::randint(
      0, 256, {num_clips, shape.height_px, shape.width_px, shape.channels}, generator, at::kByte);
  std::vector<at::Tensor> frames;
  for (int64_t t = 0; t < shape.clip_frames; ++t) frames.push_back(first.roll(t, 2));
  Batch batch;
  batch.frames_BTHWC = at::stack(frames, 1).contiguous();
  batch.actions_BTA = at::rand({num_clips, shape.clip_frames, shape.action_width}, generator);
  batch.mask_BT = at::ones({num_clips, shape.clip_frames}, at::kBool);
  batch.sample_ids_B = at::arange(num_clips) + 40;
  return batch;
}

/// What a row of actions can be: one choice, numbers of any size and sign, or buttons held at once.
enum class ActionKind { choice, numbers, buttons };

/// [B, T, A] of that kind.
inline at::Tensor actions_of(ActionKind kind, const ClipShape& shape, int64_t num_clips) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(uint64_t{5});
  const std::vector<int64_t> sizes{num_clips, shape.clip_frames, shape.action_width};
  if (kind == ActionKind::choice) {
    return at::one_hot(at::randint(shape.action_width, {sizes[0], sizes[1]}, generator, at::kLong),
                       shape.action_width)
        .to(at::kFloat);
  }
  if (kind == ActionKind::buttons) {
    auto held = at::randint(2, sizes, generator, at::kFloat);
    held.select(2, 0).fill_(1);
    return held;
  }
  return at::rand(sizes, generator) * 1.5 + 1;
}

/// Another action of the same kind [B, A], as near as can be: the next choice, numbers twice as
/// far from 0, the last button pressed or let go beside the first, which is held.
inline at::Tensor next_action(ActionKind kind, const at::Tensor& action_BA) {
  if (kind == ActionKind::choice) return action_BA.roll(1, 1);
  if (kind == ActionKind::numbers) return action_BA * 2;
  auto pressed = action_BA.clone();
  pressed.select(1, -1).mul_(-1).add_(1);
  return pressed;
}

inline Batch rows(const Batch& batch, int64_t first, int64_t last) {
  return batch.map([&](const at::Tensor& tensor) { return tensor.slice(0, first, last); });
}

}  // namespace nextframe::tiny
