#include "data/make_dataset.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "data/shard_writer.h"
#include "data/world.h"

namespace nextframe {
namespace {

struct EpisodeRange {
  uint64_t first, last;
};

class Maker {
 public:
  Maker(const MakeOptions& options, const Progress& progress)
      : options_(options),
        world_(WorldRegistry::instance().get(options.world, "world")),
        folder_(options.out, make_command(options)),
        progress_(progress) {}

  bool run() {
    if (folder_.is_finished()) return false;
    for (int64_t k = 0; k < options_.shards; ++k) {
      const auto first = k * options_.episodes / options_.shards;
      const auto last = (k + 1) * options_.episodes / options_.shards;
      make_shard("train", k, {static_cast<uint64_t>(first), static_cast<uint64_t>(last)});
    }
    if (options_.validation_episodes > 0) {
      make_shard("validation", 0, {0, static_cast<uint64_t>(options_.validation_episodes)});
    }
    folder_.finish();
    return true;
  }

 private:
  void make_shard(const std::string& split, int64_t number, EpisodeRange episodes) {
    const auto path = folder_.shard(split, number);
    if (folder_.has(path)) return report(static_cast<int64_t>(episodes.last - episodes.first));
    EpisodeKey key{static_cast<uint64_t>(options_.seed), split == "train" ? uint64_t{0} : 1,
                   episodes.first};
    ShardWriter writer(path, info(number, key), compression_from_name(options_.filter));
    for (; key.index < episodes.last; ++key.index) {
      writer.append(world_.replay({.key = key,
                                   .num_frames = options_.frames,
                                   .range = options_.range,
                                   .has_masks = options_.has_masks}));
      report(1);
    }
    writer.finish();
  }

  ShardInfo info(int64_t number, const EpisodeKey& first) const {
    return {.dataset_uuid = folder_.uuid(),
            .shard_index = number,
            .fps = world_.fps,
            .action_space = world_.action_space,
            .source = "simulated world " + options_.world,
            .license = "simulated",
            .generator = make_command(options_),
            .world = to_json(WorldOrigin{options_.world, options_.range, first, world_.objects})};
  }

  void report(int64_t episodes) {
    done_ += episodes;
    if (progress_) progress_(done_, options_.episodes + options_.validation_episodes);
  }

  const MakeOptions& options_;
  const SimulatedWorld& world_;
  const DatasetFolder folder_;
  const Progress& progress_;
  int64_t done_ = 0;
};

void require(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument("data make: " + what);
}

}  // namespace

std::string make_command(const MakeOptions& options) {
  return c10::str("nextframe data make ", options.world, " --episodes ", options.episodes,
                  " --validation-episodes ", options.validation_episodes, " --frames ",
                  options.frames, " --seed ", options.seed, " --shards ", options.shards,
                  " --filter ", options.filter,
                  options.range == WorldRange::inside ? "" : " --range " + to_string(options.range),
                  options.has_masks ? " --masks" : "");
}

bool make_dataset(const MakeOptions& options, const Progress& progress) {
  require(options.episodes >= 1, "--episodes must be 1 or more");
  require(options.validation_episodes >= 0, "--validation-episodes must be 0 or more");
  require(options.frames >= 2, "--frames must be 2 or more");
  require(options.shards >= 1 && options.shards <= options.episodes,
          c10::str("--shards must be 1 to the number of episodes, ", options.episodes));
  compression_from_name(options.filter);
  const auto& world = WorldRegistry::instance().get(options.world, "world");
  require(options.range != WorldRange::outside ||
              std::none_of(world.parameters.begin(), world.parameters.end(),
                           [](const auto& parameter) { return parameter.outside.empty(); }),
          c10::str("--range outside: a parameter of the world ", options.world,
                   " has no values outside"));
  require(options.range != WorldRange::combination || world.parameters.size() != 1,
          c10::str("--range combination: the world ", options.world, " has one parameter"));
  require(options.range == WorldRange::inside || !world.parameters.empty(),
          c10::str("--range ", to_string(options.range), ": the world ", options.world,
                   " has no parameters; nextframe data worlds lists those of others"));
  require(!options.has_masks || !world.objects.empty(),
          c10::str("--masks: the world ", options.world, " names no objects"));
  return Maker(options, progress).run();
}

}  // namespace nextframe
