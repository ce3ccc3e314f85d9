// What `train` trains: the run that it names, and before it the tokenizers that this one builds on.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "trainer/stages.h"

namespace nextframe {

/// One run that the command trains.
struct TrainTask {
  Config config;
  std::string config_path;
  std::filesystem::path run;
  std::vector<std::string> command;  // that trains it, or continues
  std::string fork, init;
  bool accepts_new_data = false;
};

/// The runs of the tokenizers that `config` builds on and that have to be trained first.
///   run  the folder of the config's own run
std::vector<TrainTask> first_stages(const Config& config, const std::filesystem::path& run);

/// The task's tokenizers, which are trained by now. Their digests become part of the run's
/// identity.
std::vector<Stage> open_stages(TrainTask& task);

/// Their digests, to be compared between ranks.
std::string digests_of(const std::vector<Stage>& stages);

}  // namespace nextframe
