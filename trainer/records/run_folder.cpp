#include "trainer/records/run_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "data/durable_file.h"
#include "launch/error.h"
#include "launch/text.h"
#include "trainer/checkpoint/store.h"
#include "trainer/config/config.h"
#include "trainer/json_text.h"
#include "trainer/version.h"

namespace nextframe {
namespace fs = std::filesystem;
namespace {

/// The part of a glob that is one path: what comes before the first component with a wildcard.
fs::path plain_part(const std::string& glob) {
  fs::path part;
  for (const auto& component : fs::path(glob)) {
    if (component.string().find_first_of("*?[{") != std::string::npos) break;
    part /= component;
  }
  return part;
}

/// Lines that go to the folder in which relative paths of the data begin: the one above the run, if
/// run and data moved together, else the one where the run was started.
std::string go_to_data(const fs::path& run, const fs::path& start, const fs::path& data) {
  if (data.is_absolute() || data.empty())
    return "cd \"$start\" 2>/dev/null || cd \"$run\" || exit 5\n";
  const auto below = fs::absolute(run).lexically_normal().lexically_relative(start);
  const bool is_below = !below.empty() && *below.begin() != "..";
  std::string above;
  for (const auto& component : below) above += component.empty() || component == "." ? "" : "/..";
  return "data=" + shell_words({data.string()}) + "\nfound=\nfor folder in " +
         (is_below ? "\"$run" + above + "\" " : "") +
         R"sh("$start"; do
  if [ -z "$found" ] && [ -e "$folder/$data" ]; then found=$folder; fi
done
if [ -z "$found" ] && [ $# = 0 ]; then
  echo "resume.sh: the data, $data, are neither beside this run nor in $start, where it was started." >&2
  echo "Name them: sh $0 --set data.train='/where/they/are/*.h5', and data.validation in the same way." >&2
  exit 3
fi
cd "${found:-$run}" || exit 5
)sh";
}

/// Finds the run by its own place, so it never trains in the folder that the run was copied from.
std::string resume_script(const fs::path& run, const Config& config) {
  const auto start = fs::current_path();
  return R"sh(#!/bin/sh
# Continues this run, wherever its folder is now, from its newest valid checkpoint, with the config it
# had last. NEXTFRAME=/path/to/nextframe names another program; arguments are those of 'nextframe train'.
self=$0
[ ! -h "$self" ] || self=$(readlink -f -- "$self")
run=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd) || exit 5
program=${NEXTFRAME:-)sh" +
         shell_words({fs::read_symlink("/proc/self/exe").string()}) +
         "}\nstart=" + shell_words({start.string()}) + R"sh(
if [ ! -f "$run/resolved.yaml" ]; then
  echo "resume.sh: $run is no run's folder: it has no resolved.yaml" >&2
  exit 2
fi
if [ ! -x "$program" ]; then
  echo "resume.sh: there is no program $program; name it: NEXTFRAME=/path/to/nextframe sh $0" >&2
  exit 5
fi
)sh" + go_to_data(run, start, plain_part(config.data.train)) +
         "exec \"$program\" train \"$run/resolved.yaml\" --run \"$run\" \"$@\"\n";
}

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void create(const RunFolder& folder, const Config& config, const std::string& config_path,
            const std::vector<std::string>& command_line) {
  for (const auto& part : {folder.path, folder.checkpoints(), folder.samples(), folder.log()})
    make_folder(part);
  write_durably(folder.path / "config.yaml", read_text(config_path));
  const nlohmann::ordered_json environment = {{"version", version()},
                                              {"commit", commit()},
                                              {"build_type", build_type()},
                                              {"created", now_utc()},
                                              {"command", command_line}};
  write_durably(folder.path / "environment.json", json_text(environment, 2) + "\n");
  write_durably(folder.resolved(),
                to_yaml(config));  // last: a folder with it is a whole run folder
}

void recognise(const RunFolder& folder, const Config& config,
               const std::function<void(const std::string&)>& say) {
  const auto before = parse_config(read_text(folder.resolved()), folder.resolved().string());
  const auto differences = compare_configs(before, config);
  if (!differences.identity.empty()) {
    std::string message = folder.path.string() + " is a run with another identity:";
    for (const auto& line : differences.identity)
      message += "\n  " + line + "; " + why_another_run(line, config);
    throw UsageError(
        message + "\nNothing was changed. To start another run with this config: --fork NEW_DIR");
  }
  for (const auto& line : differences.free) say("goes on with " + line + ": " + why_same_run(line));
}

}  // namespace

fs::path run_folder_path(const Config& config, const std::string& config_path,
                         const std::string& run_option) {
  if (!run_option.empty()) return run_option;
  return fs::path("runs") /
         (config.run.name.empty() ? fs::path(config_path).stem() : fs::path(config.run.name));
}

RunFolder open_run_folder(const fs::path& path, const Config& config,
                          const std::string& config_path,
                          const std::vector<std::string>& command_line,
                          const std::function<void(const std::string&)>& say) {
  const RunFolder folder{path};
  if (fs::exists(folder.resolved())) {
    recognise(folder, config, say);
    if (::access(path.c_str(), W_OK) != 0) {
      throw EnvironmentError("the run folder " + path.string() +
                             " cannot be written: " + std::strerror(errno) +
                             "; start another run with --run, or in a new folder with --fork");
    }
  } else if (!list_checkpoints(folder.checkpoints()).empty()) {
    throw UsageError(path.string() +
                     " holds checkpoints but no resolved.yaml, so it is not known whose they are; "
                     "choose another folder with --run");
  } else {
    create(folder, config, config_path, command_line);
  }
  return folder;
}

void accept_config(const RunFolder& folder, const Config& config) {
  remove_unfinished(folder.path);
  write_durably(folder.path / "resume.sh", resume_script(folder.path, config));
  fs::permissions(folder.path / "resume.sh", fs::perms::owner_exec, fs::perm_options::add);
  const auto text = to_yaml(config);
  if (read_text(folder.resolved()) != text) write_durably(folder.resolved(), text);
}

std::string write_status(const RunFolder& folder, const std::string& state, int64_t step,
                         int64_t steps) {
  const nlohmann::ordered_json status = {
      {"state", state}, {"step", step}, {"steps", steps}, {"updated", now_utc()}};
  try {
    write_durably(folder.path / "status.json", json_text(status, 2) + "\n");
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace nextframe
