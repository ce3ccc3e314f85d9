// nextframe init DATASET: writes a config for these data, to begin with.
#include <c10/util/StringUtil.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <optional>

#include "data/dataset.h"
#include "data/error.h"
#include "kernels/draws.h"
#include "kernels/torch.h"
#include "launch/affinity.h"
#include "launch/world.h"
#include "trainer/commands/command.h"
#include "trainer/commands/read_as_options.h"
#include "trainer/config/value.h"
#include "trainer/evaluate/held_out_data.h"
#include "trainer/exit_code.h"
#include "trainer/parallel/flat_parameters.h"
#include "trainer/plan/workload.h"

namespace nextframe {
namespace {
namespace fs = std::filesystem;

constexpr int64_t kUsualTokens = 64, kMostTokens = 1024;
constexpr int64_t kClipFrames[] = {16, 12, 8, 6, 4, 2};
constexpr int64_t kLeastSteps = 200, kMostSteps = 20000;
constexpr int64_t kGrains = 8;

struct InitOptions {
  std::string dataset;
  double minutes = 10;
  std::shared_ptr<const ReadAs> read_as;
};

/// The shards of a glob, or of a dataset's folder: those to train on and those held out, if any.
struct Shards {
  std::string train, validation;
};

/// A glob of the HDF5 files in a folder, which end in .h5 or .hdf5.
std::string files_in(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() == ".h5") return (folder / "*.h5").string();
    if (entry.path().extension() == ".hdf5") return (folder / "*.hdf5").string();
  }
  return (folder / "*.h5").string();
}

Shards shards_of(const std::string& dataset) {
  std::error_code ignored;
  const fs::path folder = fs::path(dataset).lexically_normal();
  if (!fs::is_directory(folder, ignored)) {
    const auto place = dataset.rfind("train");
    Shards shards{dataset, ""};
    if (place == std::string::npos) return shards;
    shards.validation = std::string(dataset).replace(place, 5, "validation");
    const bool is_there = fs::is_directory(fs::path(shards.validation).parent_path(), ignored);
    return is_there ? shards : Shards{dataset, ""};
  }
  if (!fs::is_directory(folder / "train", ignored)) return {files_in(folder), ""};
  const bool has_held_out = fs::is_directory(folder / "validation", ignored);
  return {(folder / "train/*.h5").string(),
          has_held_out ? (folder / "validation/*.h5").string() : ""};
}

/// The side of a patch that divides the frame and leaves about kUsualTokens of them.
int64_t patch_of(const ClipShape& shape) {
  int64_t best = 0;
  double least = 0;
  for (int64_t patch = 1; patch <= std::min(shape.height_px, shape.width_px); ++patch) {
    if (shape.height_px % patch != 0 || shape.width_px % patch != 0) continue;
    const int64_t tokens = shape.height_px / patch * (shape.width_px / patch);
    const double distance =
        std::abs(std::log2(static_cast<double>(tokens) / static_cast<double>(kUsualTokens)));
    if (tokens > kMostTokens || tokens < 4 || (best > 0 && distance >= least)) continue;
    best = patch, least = distance;
  }
  if (best > 0) return best;
  throw UsageError(c10::str("init: no patch divides frames of ", shape.height_px, "x",
                            shape.width_px, " px into 4 to ", kMostTokens,
                            "; import them again with --size 64x64, or another multiple of 8"));
}

/// The longest clips that nine tenths of the frames are long enough for.
int64_t clip_frames_of(const Dataset& data) {
  for (const int64_t frames : kClipFrames) {
    int64_t usable = 0;
    for (int64_t episode = 0; episode < data.num_episodes(); ++episode) {
      const int64_t length = data.episode_frames(episode);
      if (length >= frames) usable += length;
    }
    if (10 * usable >= 9 * data.num_frames()) return frames;
  }
  throw DataError("init: no episode has 2 frames");
}

std::string describe_actions(const ActionSpace& space) {
  if (space.kind == ActionSpace::Kind::none) return "no actions";
  if (space.kind == ActionSpace::Kind::multi_binary) return c10::str(space.width, " buttons");
  return space.kind == ActionSpace::Kind::discrete
             ? c10::str("one of ", space.width, " actions")
             : c10::str("actions of ", space.width, " numbers");
}

struct Choices {
  Shards shards;
  ReadAs read_as;
  ClipShape shape;
  std::string data, actions;  // in words
  int64_t patch_px = 8, clip_frames = 16, ranks = 1, steps = 1000;
  double minutes = 10;
};

std::string config_text(const Choices& choices) {
  const auto& shape = choices.shape;
  const int64_t patches = shape.height_px / choices.patch_px * (shape.width_px / choices.patch_px);
  const bool has_actions = shape.action_width > 0;
  std::string text = c10::str(
      "# ", choices.data, ".\n# Made by `nextframe init`: about ", choices.minutes,
      choices.minutes == 1 ? " minute" : " minutes", " on this machine, with ", choices.ranks,
      choices.ranks == 1 ? " rank" : " ranks", ". As FILE.yaml:\n#\n", "#   nextframe launch -n ",
      choices.ranks, " train FILE.yaml\n", "#   nextframe eval runs/FILE\n",
      "#   nextframe rollout runs/FILE --out dream.png\n");
  text += c10::str("data:\n  train: ", written(choices.shards.train), "\n");
  text += read_as_lines(choices.read_as);
  if (choices.shards.validation.empty()) {
    text +=
        "  # validation: none was found; `nextframe data import --hold-out 5%` sets some apart\n";
  } else {
    text += c10::str("  validation: ", written(choices.shards.validation), "\n");
  }
  text +=
      c10::str("  clip_frames: ", choices.clip_frames,
               "   # what the model sees at once; stride_frames: 2 would skip every other frame\n",
               "\nmodel:\n  name: space_time_transformer\n  dim: 128        # width; cost grows "
               "with its square\n  layers: 4\n  heads: 4\n  patch_px: ",
               choices.patch_px, "     # ", patches,
               " patches a frame; half the side, four times "
               "the cost, finer detail\n  halo_px: ",
               choices.patch_px / 2, "      # pixels around a patch that its token sees too\n");
  text +=
      "\nobjective:\n  name: regress   # the mean of all futures; shortcut samples one, sharp, "
      "and learns more slowly\n";
  if (has_actions) {
    text += c10::str("\nactions:\n  form: token_and_add   # ", choices.actions,
                     "; dropout: 0.1 lets guidance weigh them in a dream\n");
  }
  text += c10::str(
      "\noptimizer:\n  lr: 0.004\n  beta2: 0.98\n  ema_decay: 0.998\n\nschedule:\n  "
      "kind: cosine\n  warmup_steps: 50\n\ntrainer:\n  steps: ",
      choices.steps, "\n  global_batch: 8   # clips a step\n  grains: ", kGrains,
      "         # of 1 clip: up to ", kGrains, " ranks\n  precision: bf16\n",
      "\ncheckpoint:\n  every_steps: 100\n");
  return text;
}

/// Seconds of one grain's forward and backward on one core here.
double grain_seconds(const Config& config, const ClipShape& shape) {
  set_torch_threads(config.parallel.threads);
  const auto model = config.make_model(shape);
  auto batch = make_batch(shape, config.trainer.global_batch / config.trainer.grains);
  batch.frames_BTHWC.random_(0, 256);
  FlatParameters parameters(*model);
  return measure_grain_s([&] {
    parameters.clear_gradients();
    model->loss(batch, as_tensor({0, 0})).sum.backward();
  });
}

int init(const InitOptions& options) {
  Choices choices;
  choices.shards = shards_of(options.dataset);
  choices.minutes = options.minutes;
  choices.read_as = *options.read_as;
  choices.clip_frames =
      clip_frames_of(Dataset(choices.shards.train, 2, 1, kOwnActionWidth, choices.read_as));
  const Dataset data(choices.shards.train, choices.clip_frames, 1, kOwnActionWidth,
                     choices.read_as);
  for (const auto& line : data.describe_reading(options.dataset)) std::cerr << line << std::endl;
  choices.shape = data.shape();
  choices.actions = describe_actions(data.action_space());
  choices.data =
      c10::str(options.dataset, ": ", data.num_episodes(), " episodes, ", data.num_frames(),
               " frames of ", choices.shape.height_px, "x", choices.shape.width_px, "x",
               choices.shape.channels, ", ", choices.actions);
  choices.patch_px = patch_of(choices.shape);
  choices.ranks = std::min<int64_t>(num_available_cores(), kGrains);
  const auto config = parse_config(config_text(choices), "config");
  const double step_s =
      grain_seconds(config, choices.shape) *
      std::ceil(static_cast<double>(kGrains) / static_cast<double>(choices.ranks));
  const auto steps = std::llround(options.minutes * 60 / step_s / 100) * 100;
  choices.steps = std::clamp<int64_t>(steps, kLeastSteps, kMostSteps);
  choices.minutes = std::ceil(static_cast<double>(choices.steps) * step_s / 60);
  std::cout << config_text(choices) << std::flush;
  return 0;
}

CommandBody set_up_init(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<InitOptions>();
  app.add_option("DATASET", options->dataset,
                 "a dataset's folder, or its shards to train on; quote a glob: 'data/train/*.h5'")
      ->required();
  app.add_option("--minutes", options->minutes, "that training is to take on this machine")
      ->check(CLI::Range(0.1, 1e5));
  options->read_as = add_read_as_options(app);
  return [options] { return init(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(init, "init",
                    "write a config for a dataset: nextframe init DATASET > mine.yaml", set_up_init)

}  // namespace nextframe
