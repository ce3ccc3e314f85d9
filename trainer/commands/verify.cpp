// nextframe verify CONFIG: proof on this machine, with this config and these data, that a run
// depends neither on the number of ranks nor on being stopped. Exit 6 when a check fails.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "kernels/torch.h"
#include "launch/environment.h"
#include "launch/error.h"
#include "launch/mpi/openmpi_needs.h"
#include "launch/world.h"
#include "trainer/commands/arguments.h"
#include "trainer/commands/command.h"
#include "trainer/stages.h"
#include "trainer/verify/verification.h"

namespace nextframe {
namespace {

using Outcome = CheckResult::Outcome;

struct VerifyOptions {
  std::shared_ptr<const ConfigArguments> config;
  std::string ranks = "1,2,3,4", scratch;
  int64_t steps = 4;
  double limit_s = 300;
  bool keep = false, json = false;
};

const char* word_of(Outcome outcome) {
  return outcome == Outcome::passed ? "ok" : outcome == Outcome::failed ? "FAIL" : "--";
}

void print(const CheckResult& result) {
  std::printf("%-5s %-38s %6.1f s  %s\n", word_of(result.outcome), result.check.c_str(),
              result.took_s, result.found.c_str());
  std::fflush(stdout);
}

void print_json(const std::vector<CheckResult>& results, bool has_passed) {
  nlohmann::ordered_json report = {{"passed", has_passed},
                                   {"checks", nlohmann::ordered_json::array()}};
  for (const auto& result : results) {
    report["checks"].push_back({{"check", result.check},
                                {"outcome", result.outcome == Outcome::passed   ? "passed"
                                            : result.outcome == Outcome::failed ? "failed"
                                                                                : "left out"},
                                {"found", result.found},
                                {"took_s", result.took_s}});
  }
  using nlohmann::json;
  std::cout << report.dump(2, ' ', false, json::error_handler_t::replace) << std::endl;
}

/// As asked for, up to what the grains can feed.
std::vector<int64_t> usable_ranks(const std::string& text, int64_t grains) {
  auto ranks = parse_rank_list(text);
  const auto asked = ranks.size();
  std::erase_if(ranks, [&](int64_t count) { return count > grains; });
  if (ranks.empty()) {
    throw UsageError(c10::str("--ranks ", text, ": trainer.grains = ", grains,
                              " cannot feed that many; ask for ", grains, " or fewer"));
  }
  if (ranks.size() < asked)
    std::fprintf(stderr, "more than trainer.grains = %lld ranks cannot work and are left out\n",
                 static_cast<long long>(grains));
  return ranks;
}

std::vector<std::string> others(std::vector<std::string> choices, const std::string& own) {
  std::erase(choices, own);
  return choices;
}

VerifyPlan plan_of(const VerifyOptions& options, const Config& config, WorldModel& model) {
  VerifyPlan plan;
  plan.ranks = usable_ranks(options.ranks, config.trainer.grains);
  plan.steps = options.steps;
  plan.recompute = others(choices_of(config.trainer, "recompute"), config.trainer.recompute);
  plan.shard = others(choices_of(config.parallel, "shard"), config.parallel.shard);
  if (!model.run_blocks_with(std::make_shared<BlockRunner>())) {  // what needs a trunk of blocks
    plan.recompute.clear();
    std::erase(plan.shard, "parameters");
  }
  return plan;
}

/// Each of the runs would train it first.
void require_tokenizer_run(const Config& config) {
  for (const auto& stage : require_stages(config, {})) {
    if (stage.is_trained()) continue;
    throw UsageError("verify: the tokenizer of " + stage.config_path +
                     " is not trained yet; first: nextframe train " + stage.config_path);
  }
}

/// Ranks are started from here, so being one of them already is a mistake.
void refuse_launchers() {
  if (read_launcher_environment().has_mpi_launcher) {
    throw UsageError("verify starts its own ranks: call it once, without mpirun or srun");
  }
}

std::filesystem::path scratch_folder(const VerifyOptions& options) {
  if (!options.scratch.empty()) return options.scratch;
  std::error_code error;
  const auto folder = std::filesystem::temp_directory_path(error);
  if (error)
    throw EnvironmentError(session_folder_problem() + "; --scratch names another for verify");
  return folder;
}

int verify(const VerifyOptions& options) {
  refuse_launchers();
  const auto config = options.config->load();
  require_tokenizer_run(config);
  auto overrides = options.config->overrides;
  overrides.push_back("trainer.precision=fp32");
  const auto fp32_config = load_config(options.config->path, overrides);
  set_torch_threads(config.parallel.threads);
  const Dataset data = open_training_set(config.data);
  const auto model = make_model_with_stages(fp32_config, data.shape());
  const auto plan = plan_of(options, config, *model);
  ScratchRuns runs(scratch_folder(options), options.config->path, options.config->overrides,
                   options.limit_s);
  if (options.keep) runs.keep();

  std::vector<CheckResult> results;
  const bool is_terminal = isatty(STDERR_FILENO) == 1;
  Verification verification(
      config, data, plan, runs,
      [&](const std::string& check) {
        if (is_terminal) std::fprintf(stderr, "...   %s\r", check.c_str());
      },
      [&](const CheckResult& result) {
        results.push_back(result);
        if (!options.json) print(result);
      });
  if (model->can_predict()) verification.rollouts_agree(*model);
  const bool has_passed = verification.run();
  if (options.json) print_json(results, has_passed);
  if (options.keep) std::fprintf(stderr, "kept: %s\n", runs.folder().c_str());
  return static_cast<int>(has_passed ? ExitCode::done : ExitCode::numerics);
}

CommandBody set_up_verify(CLI::App& app) {
  app.group(kTrainingCommands);
  const auto options = std::make_shared<VerifyOptions>();
  options->config = add_config_arguments(app);
  app.add_option("--ranks", options->ranks, "numbers of ranks to compare; default: 1,2,3,4");
  app.add_option("--steps", options->steps, "steps of each short run; default: 4")
      ->check(CLI::Range(2, 1000000));
  app.add_option("--limit-s", options->limit_s, "seconds that one short run may take; default: 300")
      ->check(CLI::PositiveNumber);
  app.add_option("--scratch", options->scratch, "folder for the short runs; default: the system's");
  app.add_flag("--keep", options->keep, "leave the short runs and their logs there");
  app.add_flag("--json", options->json, "print one JSON value on standard output");
  return [options] { return verify(*options); };
}

}  // namespace

NF_REGISTER_COMMAND(verify, "verify",
                    "prove on this machine that ranks agree and that resuming changes nothing",
                    set_up_verify)

}  // namespace nextframe
