// `nextframe data make WORLD`: records a simulated world into shards.
#include <algorithm>
#include <cstdio>
#include <limits>

#include "data/make_dataset.h"
#include "data/world.h"
#include "trainer/commands/command.h"
#include "trainer/commands/progress_line.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

int make(const MakeOptions& options) {
  bool is_new = false;
  try {
    ProgressLine line("making", "episodes");
    is_new = make_dataset(options, [&](int64_t done, int64_t total) { line.show(done, total); });
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  std::printf(
      "%s: %s%lld episodes of %lld frames to train on, %lld to validate on\n", options.out.c_str(),
      is_new ? "" : "finished already: ", static_cast<long long>(options.episodes),
      static_cast<long long>(options.frames), static_cast<long long>(options.validation_episodes));
  return 0;
}

std::string worlds() {
  const auto& registry = WorldRegistry::instance();
  std::string text = "the world: ";
  for (const auto& name : registry.names()) {
    text += "\n" + name + " (" + registry.get(name, "world").summary + ")";
  }
  return text;
}

CommandBody set_up_data_make(CLI::App& app) {
  app.group(kDataCommands);
  const auto options = std::make_shared<MakeOptions>();
  app.add_option("WORLD", options->world, worlds())->required();
  app.add_option("--out", options->out,
                 "folder in which train/, validation/ and index.json are made")
      ->required();
  app.add_option("--episodes", options->episodes, "number of training episodes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000000));
  app.add_option("--validation-episodes", options->validation_episodes,
                 "number of held-out episodes")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000000000));
  app.add_option("--frames", options->frames, "frames per episode")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000000));
  app.add_option("--seed", options->seed, "random seed")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  const auto* shards =
      app.add_option("--shards", options->shards,
                     "number of files for the training episodes, at most one per episode")
          ->capture_default_str();
  app.add_option("--filter", options->filter, "compression: zstd, gzip or none")
      ->capture_default_str();
  const auto range = std::make_shared<std::string>("inside");
  app.add_option(
         "--range", *range,
         "where the world's parameters are drawn from: inside, for training; outside, values "
         "that never occur inside; combination, values that occur there, but not together")
      ->capture_default_str();
  app.add_flag("--masks", options->has_masks,
               "store which object is seen in each pixel as the column object_mask");
  return [options, shards, range] {
    try {
      options->range = world_range_from(*range);
    } catch (const std::invalid_argument& error) {
      throw UsageError("--range: " + std::string(error.what()));
    }
    if (shards->count() == 0) options->shards = std::min(options->shards, options->episodes);
    return make(*options);
  };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_make, "data make", "make shards (HDF5 files) from a simulated world",
                    nextframe::set_up_data_make)
