// `nextframe data verify GLOB`: checks every checksum of every chunk, every size and hash.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "data/verify_dataset.h"
#include "trainer/commands/command.h"
#include "trainer/commands/progress_line.h"
#include "trainer/commands/read_as_options.h"
#include "trainer/exit_code.h"

namespace nextframe {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxLines = 16;  // of problems, so that they fit on a screen

void print(const VerifyReport& report) {
  for (size_t i = 0; i < std::min(kMaxLines, report.problems.size()); ++i) {
    std::fprintf(stderr, "%s\n", report.problems[i].c_str());
  }
  if (report.problems.size() > kMaxLines) {
    std::fprintf(stderr, "and %zu more; --json lists all\n", report.problems.size() - kMaxLines);
  }
  std::printf("%s: %lld shards, %lld episodes, %lld frames; %lld chunks read",
              report.problems.empty() ? "sound" : "DAMAGED", static_cast<long long>(report.shards),
              static_cast<long long>(report.episodes), static_cast<long long>(report.frames),
              static_cast<long long>(report.chunks));
  if (report.chunks_unchecked > 0) {
    std::printf(", %lld of them without a checksum",
                static_cast<long long>(report.chunks_unchecked));
  }
  std::printf("; %lld shards compared with index.json\n", static_cast<long long>(report.hashes));
}

int verify(const std::string& glob, const ReadAs& read_as, bool as_json) {
  VerifyReport report;
  {
    ProgressLine line("verified", "shards");
    report = verify_dataset(
        glob, [&](int64_t done, int64_t total) { line.show(done, total); }, VerifyIn::children,
        read_as);
  }
  if (as_json) {
    const Json json{{"sound", report.problems.empty()},
                    {"shards", report.shards},
                    {"episodes", report.episodes},
                    {"frames", report.frames},
                    {"chunks", report.chunks},
                    {"chunks_without_checksum", report.chunks_unchecked},
                    {"shards_compared_with_index", report.hashes},
                    {"problems", report.problems}};
    std::puts(json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print(report);
  }
  return static_cast<int>(report.problems.empty() ? ExitCode::done : ExitCode::data);
}

CommandBody set_up_data_verify(CLI::App& app) {
  app.group(kDataCommands);
  const auto glob = std::make_shared<std::string>();
  const auto as_json = std::make_shared<bool>(false);
  app.add_option("GLOB", *glob, "shards; quote it: 'data/train/*.h5'")->required();
  app.add_flag("--json", *as_json, "print one JSON value on standard output");
  const auto read_as = add_read_as_options(app);
  return [=] { return verify(*glob, *read_as, *as_json); };
}

}  // namespace
}  // namespace nextframe

NF_REGISTER_COMMAND(data_verify, "data verify",
                    "read every chunk of every shard and compare it with its checksums",
                    nextframe::set_up_data_verify)
