// `nextframe data import SRC`: converts recordings in other formats into shards.
#include <charconv>
#include <cstdio>
#include <limits>
#include <string_view>

#include "data/import_dataset.h"
#include "trainer/commands/command.h"
#include "trainer/commands/progress_line.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// What the command line says in words, before it is understood.
struct ImportWords {
  std::string size, fit = "crop", hold_out, alignment;
};

/// "5%" as 0.05.
double share_from(const std::string& text) {
  double percent = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const bool is_percent = error == std::errc() && std::string_view(rest) == "%";
  if (is_percent && percent > 0 && percent < 100) return percent / 100;
  throw UsageError("--hold-out '" + text + "': needed: a share of the episodes, for example 5%");
}

void understand(const ImportWords& words, ImportOptions& options) {
  const Fit fit = fit_from_name(words.fit);
  if (!words.size.empty()) options.size = frame_size_from(words.size);
  options.size.fit = fit;
  if (!words.hold_out.empty()) options.hold_out = share_from(words.hold_out);
  if (!words.alignment.empty()) {
    options.read.alignment = action_alignment_from(words.alignment);
    if (!options.read.alignment) {
      throw UsageError("--action-alignment '" + words.alignment + "': known are before and after");
    }
  }
  if (options.hold_out > 0 && options.validation_episodes > 0) {
    throw UsageError("--hold-out and --validation-episodes: give one of them");
  }
  if (options.out.empty() && !options.dry_run) {
    throw UsageError("--out is required: the folder in which the shards are made");
  }
}

int import(ImportOptions options, const ImportWords& words) {
  bool is_new = false;
  std::vector<std::string> problems;
  try {
    understand(words, options);
    const auto tell = [](const ImportPlan& plan) {
      std::fputs(describe(plan).c_str(), stdout);
      std::fflush(stdout);
    };
    ProgressLine line("importing", "frames");
    is_new = import_dataset(
        options, [&](int64_t done, int64_t total) { line.show(done, total); }, tell,
        [&](const std::vector<std::string>& found) { problems = found; });
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  if (options.dry_run) {
    std::puts("nothing was written: this was a dry run");
    return 0;
  }
  for (const auto& problem : problems)
    std::fprintf(stderr, "skipped or cut: %s\n", problem.c_str());
  std::printf("%s: %s %s; train on '%s/train/*.h5'\n", options.out.c_str(),
              is_new ? "holds" : "finished already:", options.source.c_str(), options.out.c_str());
  return 0;
}

CommandBody set_up_data_import(CLI::App& app) {
  app.group(kDataCommands);
  const auto options = std::make_shared<ImportOptions>();
  const auto words = std::make_shared<ImportWords>();
  app.add_option("SRC", options->source, "what to import; known layouts:\n" + known_layouts())
      ->required();
  app.add_option("--out", options->out,
                 "folder in which train/, validation/ and index.json are made");
  app.add_option("--layout", options->layout,
                 "one of the layouts above, where a source could be of several");
  app.add_option("--validation-episodes", options->validation_episodes,
                 "number of episodes to hold out, drawn by --seed and spread over the source")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000000));
  app.add_option("--hold-out", words->hold_out,
                 "share of the episodes to hold out, for example 5%; at least one");
  app.add_option("--seed", options->seed, "of the draw of held-out episodes")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  app.add_option(
      "--size", words->size,
      "HEIGHTxWIDTH of the stored frames in pixels, for example 64x96; else as they are");
  app.add_option("--fit", words->fit,
                 "with --size, for frames of another shape: crop their middle, pad them with black "
                 "bars, or stretch them")
      ->capture_default_str();
  app.add_option("--action-alignment", words->alignment,
                 "after: the action in row t is taken at frame t (the default); before: it led to "
                 "frame t, as Dreamer stores it, and is shifted by a row");
  app.add_option("--frames-key", options->read.frames_key,
                 "of .npz and HDF5: the array of frames, where its name does not tell");
  app.add_option(
      "--actions-key", options->read.actions_key,
      "of .npz and HDF5: the array of actions, where its name does not tell; of HDF5 also "
      "none");
  app.add_option("--split", options->read.split,
                 "of HDF5: the episodes of one split that the files list; else all");
  app.add_option(
      "--frames-layout", options->read.frames_layout,
      "of .npz and .npy: a letter an axis of the frames, for example TCHW, NTHWC or TNHW "
      "(N episodes, T frames, H high, W wide, C channels)");
  app.add_option("--frames-range", options->read.frames_range,
                 "of .npz and .npy: the values of black and white, for example 0,1 or -1,1");
  app.add_option("--shard-bytes", options->shard_bytes,
                 "bytes of frames per file, before compression")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 50));
  app.add_option("--fps", options->fps,
                 "frames per second, at which videos are taken; 0: every frame")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000));
  app.add_option("--filter", options->filter, "compression: zstd, gzip or none")
      ->capture_default_str();
  app.add_flag("--replace", options->replace,
               "remove what an earlier import made in --out, and import again");
  app.add_flag("--dry-run", options->dry_run,
               "tell what would be imported (episodes, frames, actions), and write nothing");
  return [=] { return import(*options, *words); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_import, "data import",
                    "make shards (HDF5 files) from videos, folders of pictures or NumPy's arrays",
                    nextframe::set_up_data_import)
