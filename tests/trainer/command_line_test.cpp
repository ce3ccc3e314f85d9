#include "trainer/commands/command_line.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "trainer/exit_code.h"

namespace nextframe {
namespace {

/// "data make" -> its long flags and positionals.
using Commands = std::map<std::string, std::set<std::string>>;

void collect(const CLI::App& app, const std::string& path, Commands& all) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  for (const CLI::App* command : commands) {
    collect(*command, path + (path.empty() ? "" : " ") + command->get_name(), all);
  }
  if (!commands.empty()) return;
  for (const CLI::Option* option : app.get_options()) {
    all[path].insert(option->get_positional() ? option->get_name(true)
                                              : option->get_name(false, false));
  }
}

Commands all_commands() {
  const auto line = make_command_line();
  Commands all;
  collect(*line->app, "", all);
  return all;
}

/// What people and scripts rely on: each of these exists with at least these arguments.
const Commands kPromised = {
    {"bench communication", {"--kib", "--grains", "--rounds", "--json"}},
    {"bench checkpoint", {"--out", "--mib", "--rounds", "--steps", "--step-ms", "--json"}},
    {"bench kernels", {"--rounds", "--in-place", "--json"}},
    {"bench rollout",
     {"CONFIG_OR_RUN", "--set", "--clips", "--context", "--frames", "--rounds", "--threads",
      "--out", "--only-memory", "--json"}},
    {"bench step", {"CONFIG", "--set", "--rounds", "--json"}},
    {"check", {"CONFIG", "--set", "--json", "--without-data"}},
    {"checkpoint hash", {"--json"}},
    {"checkpoint inspect", {"--json"}},
    {"checkpoint list", {"RUN", "--json"}},
    {"checkpoint pin", {"RUN", "STEP", "--json"}},
    {"checkpoint prune", {"RUN", "--keep", "--keep-best", "--json"}},
    {"checkpoint unpin", {"RUN", "STEP", "--json"}},
    {"checkpoint verify", {"--json"}},
    {"compare", {"RUN", "--data", "--episodes", "--out", "--json"}},
    {"completion", {"SHELL"}},
    {"data import",
     {"SRC", "--out", "--validation-episodes", "--hold-out", "--seed", "--size", "--fit", "--fps",
      "--layout", "--action-alignment", "--filter", "--replace", "--dry-run"}},
    {"data inspect", {"--json"}},
    {"data make",
     {"--out", "--episodes", "--validation-episodes", "--seed", "--filter", "--range", "--masks"}},
    {"data show", {"GLOB", "--out", "--clips", "--frames", "--seed"}},
    {"data verify", {"--json"}},
    {"data worlds", {"NAME", "--json"}},
    {"doctor", {"--json"}},
    {"eval", {"--predictions", "--out", "--json"}},
    {"explain", {"KEY"}},
    {"export", {"RUN_OR_CHECKPOINT", "--out"}},
    {"hang-report", {"RUN", "--json"}},
    {"init", {"DATASET", "--minutes"}},
    {"launch",
     {"--ranks", "--hosts", "--oversubscribe", "--min-ranks", "--max-restarts", "--grace-s",
      "--lost-rank-s", "--write-sbatch", "--nodes", "--gpus-per-node", "--srun", "--apptainer",
      "--pyxis"}},
    {"ls", {"FOLDER", "--json"}},
    {"plan",
     {"CONFIG", "--set", "--ranks", "--grains-per-rank", "--ranks-per-node", "--cores-per-node",
      "--flops", "--memory-gbs", "--bandwidth-gbs", "--message-us", "--disk-gbs", "--mtbf-hours",
      "--restart-s", "--frame", "--actions", "--json"}},
    {"play",
     {"RUN_OR_CHECKPOINT", "--data", "--episode", "--start", "--context", "--seed", "--steps",
      "--guidance", "--replay", "--tty", "--fps", "--host", "--port", "--players"}},
    {"rollout", {"--between", "--context", "--frames", "--out"}},
    {"schema", {}},
    {"status", {"RUN", "--json"}},
    {"train", {"CONFIG", "--set", "--run", "--fork", "--init", "--accept-new-data"}},
    {"verify",
     {"CONFIG", "--set", "--ranks", "--steps", "--limit-s", "--scratch", "--keep", "--json"}},
};

/// Runs the command line and returns the message of its UsageError; "" if there was none.
std::string error_of(std::vector<const char*> words) {
  words.insert(words.begin(), "nextframe");
  try {
    run_command_line(static_cast<int>(words.size()), words.data());
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(CommandLine, HasThePromisedCommandsAndArguments) {
  const Commands all = all_commands();
  EXPECT_EQ(all.size(), kPromised.size()) << "a command is missing from kPromised";
  for (const auto& [name, arguments] : kPromised) {
    ASSERT_TRUE(all.contains(name)) << name;
    for (const auto& argument : arguments) {
      EXPECT_TRUE(all.at(name).contains(argument)) << name << " " << argument;
    }
  }
}

TEST(CommandLine, EveryCommandHasHelpAndASummary) {
  for (const auto& [name, arguments] : all_commands()) {
    EXPECT_TRUE(arguments.contains("--help")) << name;
    const Command* command = CommandRegistry::instance().find(name);
    ASSERT_NE(command, nullptr) << name;
    EXPECT_GT(command->summary.size(), 10) << name;
  }
}

TEST(CommandLine, ExitCodesAreThePublishedOnes) {
  EXPECT_EQ(static_cast<int>(ExitCode::done), 0);
  EXPECT_EQ(static_cast<int>(ExitCode::internal), 1);
  EXPECT_EQ(static_cast<int>(ExitCode::usage), 2);
  EXPECT_EQ(static_cast<int>(ExitCode::data), 3);
  EXPECT_EQ(static_cast<int>(ExitCode::checkpoint), 4);
  EXPECT_EQ(static_cast<int>(ExitCode::environment), 5);
  EXPECT_EQ(static_cast<int>(ExitCode::numerics), 6);
  EXPECT_EQ(static_cast<int>(ExitCode::memory), 7);
  EXPECT_EQ(static_cast<int>(ExitCode::preempted), 75);
  EXPECT_EQ(static_cast<int>(ExitCode::hang), 86);
  EXPECT_EQ(static_cast<int>(ExitCode::no_progress), 93);
  EXPECT_EQ(static_cast<int>(ExitCode::interrupted), 130);
}

TEST(CommandLine, MistypedWordsAreNamedWithANearOne) {
  EXPECT_EQ(error_of({"chek"}),
            "unknown command 'chek' of nextframe; did you mean 'check'?\n"
            "Run 'nextframe --help' for the list.");
  EXPECT_EQ(error_of({"checkpoint", "hsh", "x"}),
            "unknown command 'hsh' of nextframe checkpoint; did you mean 'hash'?\n"
            "Run 'nextframe checkpoint --help' for the list.");
  EXPECT_EQ(error_of({"check", "a.yaml", "--jsn"}),
            "unknown flag '--jsn' of nextframe check; did you mean '--json'?\n"
            "Run 'nextframe check --help' for its arguments.");
  EXPECT_EQ(error_of({"check", "a.yaml", "--sett=a.b=c"}),
            "unknown flag '--sett' of nextframe check; did you mean '--set'?\n"
            "Run 'nextframe check --help' for its arguments.");
  EXPECT_EQ(error_of({"check"}),
            "CONFIG is required\nRun 'nextframe check --help' for its arguments.");
  EXPECT_EQ(error_of({}).find("which command?\n"), 0);
}

TEST(CommandLine, ANumberThatIsNoneIsToldWithWhatIsNeeded) {
  EXPECT_EQ(
      error_of({"data", "import", "rec.npz", "--out", "x", "--fps", "29.97"}),
      "--fps: '29.97' is no whole number that fits; needed: frames per second, at which "
      "videos are taken; 0: every frame\nRun 'nextframe data import --help' for its arguments.");
  EXPECT_EQ(error_of({"rollout", "runs/a", "--out", "a.png", "--frames", "99999999999999999999"})
                .find("--frames: Value 99999999999999999999 not in range 1 to "),
            0);
  EXPECT_EQ(error_of({"plan", "a.yaml", "--restart-s", "soon"}).find("--restart-s: 'soon' is no "),
            0);
}

TEST(CommandLine, SetTakesOneOrSeveralValuesOnEitherSideOfTheConfig) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{"check", "no.yaml", "--set", "a.b=c", "d.e=f"},
        {"check", "no.yaml", "--set", "a.b=c", "--set", "d.e=f"},
        {"check", "--set", "a.b=c", "no.yaml", "--set", "d.e=f"},
        {"check", "--set", "a.b=c", "d.e=f", "no.yaml"}}) {
    EXPECT_EQ(error_of(words).find("no.yaml "), 0) << error_of(words);
  }
}

TEST(CommandLine, AWordOfAnotherCommandIsAnArgumentWhereOneIsNeeded) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(error_of({"explain", "checkpoint"}), "");
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("checkpoint.keep"), std::string::npos);
}

TEST(CommandLine, CompletionsNameNestedCommandsAndFlags) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(error_of({"completion", shell}), "") << shell;
    const auto script = ::testing::internal::GetCapturedStdout();
    for (const char* word : {"explain", "checkpoint", "hash", "--json", "--set"}) {
      EXPECT_NE(script.find(word), std::string::npos) << shell << " " << word;
    }
  }
}

}  // namespace
}  // namespace nextframe
