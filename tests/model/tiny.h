// Makes small models and clips of any registered model and objective, for tests.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "kernels/draws.h"
#include "kernels/torch.h"
#include "model/registry.h"

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
  ClipShape shape{6, 16, 16, 3, 2};
  ActionForm actions;
  bool bf16 = false;
  uint64_t seed = 3;
  std::map<std::string, int64_t> fields{{"dim", 64},          {"layers", 2},  {"heads", 2},
                                        {"patch_px", 4},      {"halo_px", 2}, {"registers", 1},
                                        {"temporal_every", 1}};
  std::map<std::string, std::string> texts;
};

inline std::shared_ptr<Objective> make_objective(const std::string& name) {
  SetFields fields({{"bootstrap_start", 0}});
  return ObjectiveRegistry::instance().get(name, "objective").make(fields);
}

inline std::shared_ptr<WorldModel> make(const Options& options) {
  SetFields fields(options.fields, options.texts);
  const auto& model = ModelRegistry::instance().get(options.model, "model");
  return model.make(fields, {.shape = options.shape,
                             .objective = make_objective(options.objective),
                             .actions = options.actions,
                             .bf16 = options.bf16,
                             .seed = options.seed});
}

/// Whether the model offers what objective and action form ask for.
inline bool goes_together(const Options& options) {
  auto asked = ObjectiveRegistry::instance().get(options.objective, "objective").asks;
  asked.merge(options.actions.asks());
  return missing_traits(asked, ModelRegistry::instance().get(options.model, "model").offers)
      .empty();
}

/// All models with all objectives that go together with them.
inline std::vector<std::tuple<std::string, std::string>> legal_pairs() {
  std::vector<std::tuple<std::string, std::string>> pairs;
  for (const auto& model : ModelRegistry::instance().names()) {
    for (const auto& objective : ObjectiveRegistry::instance().names()) {
      Options options;
      options.model = model;
      options.objective = objective;
      if (goes_together(options)) pairs.emplace_back(model, objective);
    }
  }
  return pairs;
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

inline Batch rows(const Batch& batch, int64_t first, int64_t last) {
  return batch.map([&](const at::Tensor& tensor) { return tensor.slice(0, first, last); });
}

}  // namespace nextframe::tiny
