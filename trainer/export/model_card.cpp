// README.md of an exported model.
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "data/durable_file.h"
#include "kernels/torch.h"
#include "trainer/checkpoint/store.h"
#include "trainer/export/exported_model.h"
#include "trainer/version.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::ordered_json;

struct FoundReport {
  int64_t step = 0;
  Json suites, data;
};

/// The newest evaluation of all suites on the run's own held-out data, as far as it can be read.
std::optional<FoundReport> newest_report(const std::string& run_folder) {
  std::optional<FoundReport> newest;
  std::error_code problem;
  if (run_folder.empty()) return newest;
  for (const auto& entry : fs::directory_iterator(fs::path(run_folder) / "eval", problem)) {
    const auto step = checkpoint_step(entry.path());
    if (!step || (newest && newest->step > *step)) continue;
    try {
      const auto json = Json::parse(read_text(entry.path() / "report.json"));
      newest = FoundReport{*step, json.at("suites"), json.at("data")};
    } catch (const std::exception&) {  // none there, or none of ours: an older one may be whole
    }
  }
  return newest;
}

std::string short_number(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

/// "0.0123 [0.0119, 0.0127]", or "" for what is no figure.
std::string figure_text(const Json& figure) {
  if (!figure.is_object() || !figure.contains("value") || !figure["value"].is_number()) return "";
  auto text = short_number(figure["value"].get<double>());
  const auto interval = figure.find("interval");
  if (interval == figure.end() || interval->size() != 2 || !(*interval)[0].is_number() ||
      !(*interval)[1].is_number()) {
    return text;
  }
  return text + " [" + short_number((*interval)[0].get<double>()) + ", " +
         short_number((*interval)[1].get<double>()) + "]";
}

/// The figure at a path such as "/quality/one_step/mse".
std::string figure_at(const Json& json, const std::string& path) {
  const Json::json_pointer place(path);
  return json.contains(place) ? figure_text(json.at(place)) : "";
}

struct CardFigure {
  const char* path;
  const char* meaning;
};

constexpr CardFigure kCardFigures[] = {
    {"/quality/one_step/mse", "one-step error: mean squared error, frames in [0, 1]"},
    {"/quality/one_step/copy_last/mse", "the same of copying the last frame"},
    {"/quality/one_step/mse_over_copy_last", "one-step error over that of copying the last frame"},
    {"/quality/one_step/psnr_db", "one-step PSNR, dB"},
    {"/quality/one_step/ssim", "one-step SSIM"},
    {"/control/shuffle_ratio",
     "one-step error with another episode's actions over that with its own; 1: actions are "
     "ignored"},
    {"/tokenizer/mse", "error of the tokenizer's reconstruction: no dream can be better"},
    {"/tokenizer/psnr_db", "PSNR of it, dB"}};

std::string figures_table(const Json& suites) {
  std::string rows;
  for (const auto& [path, meaning] : kCardFigures) {
    const auto text = figure_at(suites, path);
    if (!text.empty()) rows += c10::str("| ", meaning, " | ", text, " |\n");
  }
  return rows.empty() ? "" : "| figure | value [95 % interval] |\n|---|---|\n" + rows + "\n";
}

/// Errors of a dream at its first, middle and last horizon, with the trivial predictors'.
std::string dreams_table(const Json& suites) {
  const Json::json_pointer place("/quality/rollout");
  if (!suites.contains(place) || !suites.at(place).is_array() || suites.at(place).empty())
    return "";
  const auto& rows = suites.at(place);
  std::string text =
      "Mean squared error of dreams by horizon (frames since the last true one):\n\n"
      "| horizon | model | copy the last frame | mean frame | linear | skill |\n"
      "|---|---|---|---|---|---|\n";
  for (const size_t row : std::set<size_t>{0, rows.size() / 2, rows.size() - 1}) {
    const auto& at = rows[row];
    text += c10::str("| ", at.value("horizon", 0), " | ");
    for (const auto* path : {"/mse", "/copy_last/mse", "/mean_frame/mse", "/linear/mse", "/skill"})
      text += figure_at(at, path) + " | ";
    text.back() = '\n';
  }
  return text + "\nSkill is 1 for a perfect dream, and 0 for one no better than the better of " +
         "copying the last frame and the mean frame.\n\n";
}

std::string quality_section(const ExportedModel& model) {
  const auto report = newest_report(model.run.run_folder);
  if (!report) {
    return "Not measured by all suites when it was exported; `nextframe eval` without --suite "
           "makes "
           "such a report.\n";
  }
  const auto text = [&](const char* name) {
    const auto found = report->data.find(name);
    if (found == report->data.end()) return std::string("?");
    return found->is_string() ? found->get<std::string>() : found->dump();
  };
  auto section = c10::str("Measured at step ", report->step, " on ", text("episodes"),
                          " held-out episodes of `", text("glob"), "`.\n\n");
  if (report->step != model.run.step)
    section += c10::str("**The exported weights are of step ", model.run.step,
                        ", another one than the figures'.**\n\n");
  section += figures_table(report->suites) + dreams_table(report->suites);
  while (section.ends_with("\n\n")) section.pop_back();
  return section;
}

std::string actions_text(const ExportedModel& model) {
  const auto width = model.run.shape.action_width;
  if (model.run.config.actions.is_latent()) {
    return c10::str(model.run.model->num_latent_actions(), " latent actions, inferred from video");
  }
  if (width == 0 || model.run.config.actions.is_none()) return "none";
  if (!model.action_space) {
    return c10::str(width, " numbers a frame; what they are is not known: the training data were ",
                    "not there at the export");
  }
  const auto& space = *model.action_space;
  const char* kind = space.kind == ActionSpace::Kind::discrete       ? "choices, one-hot"
                     : space.kind == ActionSpace::Kind::multi_binary ? "buttons"
                                                                     : "numbers";
  const auto names = names_of(space);
  return c10::str(
      space.width, " ", kind, names.empty() ? "" : ": " + names,
      width == space.width ? "" : c10::str(", of ", width / space.width, " stored frames a step"));
}

std::string facts_table(const ExportedModel& model) {
  const auto& run = model.run;
  int64_t parameters = 0;
  for (const auto& [name, tensor] : exported_weights(model)) parameters += tensor.numel();
  std::string text = "| | |\n|---|---|\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    text += c10::str("| ", name, " | ", value, " |\n");
  };
  add(run.config.trains_tokenizer() ? "tokenizer" : "model",
      c10::str(run.config.trained_part(), ", ", parameters, " numbers in all"));
  if (!run.config.trains_tokenizer()) add("objective", run.config.value_of("objective.name"));
  for (const auto& stage : model.stages)
    add("frozen " + stage.source.name(), stage.config.trained_part());
  const auto stride = run.config.data.stride_frames;
  add("frames", c10::str(run.shape.height_px, "x", run.shape.width_px, "x", run.shape.channels,
                         ", trained in clips of ", run.shape.clip_frames,
                         stride == 1 ? "" : c10::str(", ", stride, " stored frames apart")));
  if (!run.config.trains_tokenizer()) add("actions", actions_text(model));
  add("training data", "`" + run.config.data.train + "`");
  add("weights", c10::str(run.has_ema ? "the weight average (EMA)" : "as trained", " of step ",
                          run.step, ", digest ", run.digest));
  add("made by", version_text());
  return text;
}

std::string limits_section(const ExportedModel& model) {
  const auto& run = model.run;
  std::string text;
  for (const auto& what : model.not_covered) {
    text += "- **`nextframe_model.py` does not cover `" + what +
            "`** and refuses to load this model. The weights are complete.\n";
  }
  if (run.config.trainer.precision == "bf16") {
    text +=
        "- It was trained with products in bfloat16, and `nextframe rollout` predicts with them. "
        "`nextframe_model.py` computes in float32, so its frames differ by rounding.\n";
  }
  if (!run.config.trains_tokenizer()) {
    text += c10::str(
        "- It knows frames and actions like those of its training data, and nothing else.\n",
        "- It was trained in clips of ", run.shape.clip_frames,
        " frames: what has been out of sight for longer may be forgotten.\n",
        "- Errors of a dream grow with its length; the figures say how fast.\n");
  }
  return text +
         "- The weights have the licence of the data that they were trained on, and of "
         "whoever trained them. This file grants none.\n";
}

std::string how_to_load(const ExportedModel& model) {
  const bool predicts = model.run.model->can_predict();
  return c10::str(
      "```python\nfrom nextframe_model import load  # the file in this folder; needs PyTorch "
      "alone\n\n",
      "model = load(\".\")\n",
      predicts ? "dream = model.rollout(context, actions)  # uint8 [B, T, H, W, C], actions [B, T "
                 "+ more, A]\n"
                 "guess = model.one_step(frames, actions)  # frames 1 .. T-1, each from those "
                 "before it\n"
               : "same = model.reconstruct(frames)         # uint8 [B, T, H, W, C]\n",
      "```\n\nFrames come back as float32 in [0, 1]. ",
      predicts ? "An action is taken at its frame and leads to the next one; give it as the data "
                 "have it, it is standardised by `config.json`. "
               : "",
      "`model.safetensors` holds float32 weights by their full names; `config.json` says ",
      "everything else. To compare with the program:\n\n",
      "```\nnextframe rollout RUN --out dream.npz\npython nextframe_model.py . dream.npz\n```\n");
}

}  // namespace

std::string model_card(const ExportedModel& model) {
  const fs::path folder = model.run.run_folder.empty()
                              ? fs::path(model.run.checkpoint_folder)
                              : fs::absolute(model.run.run_folder).lexically_normal();
  const bool predicts = model.run.model->can_predict();
  return c10::str("# ", folder.filename().string(), "\n\n",
                  predicts ? "A world model: it predicts the next frame of a game from the frames "
                             "before it and the actions, and goes on from its own predictions.\n\n"
                           : "A tokenizer: it encodes frames and decodes them again.\n\n",
                  facts_table(model), "\n## How good it is\n\n", quality_section(model),
                  "\n## Limits\n\n", limits_section(model), "\n## How to load it\n\n",
                  how_to_load(model));
}

}  // namespace nextframe
